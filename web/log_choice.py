"""Which containers' lines a reader follows: a given one, or all that match, also later ones."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import anyio
import msgspec

from web.live.filters import Wanted
from web.live.ledger import Entry
from web.live.source import Readable
from web.log_source import ContainerKey
from web.problems import Problem

MOST_FOLLOWED = 100  # containers, of one reader
_MOST_GONE = 100  # whose last lines may still come


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Containers that came to be followed, or the first that was not because there are too many."""

    containers: frozenset[ContainerKey]
    is_full: bool = False


class Choice(Protocol):
    """The containers that one reader follows."""

    @property
    def containers(self) -> frozenset[ContainerKey]:
        """Those that are followed now."""
        ...

    @property
    def several(self) -> bool:
        """Whether there may be more than one."""
        ...

    async def joined(self) -> Joined:
        """Wait until others are followed too."""
        ...


class OneContainer:
    """Implements `Choice`: always the same container."""

    several = False

    def __init__(self, host: str, container_id: str) -> None:
        self.containers = frozenset([(host, container_id)])

    async def joined(self) -> Joined:
        """Never."""
        await anyio.sleep_forever()
        raise AssertionError


class Matching:
    """Implements `Choice`: those of a ledger that match, as they come and go.

    Args:
        ledger: Of containers.
        wanted: Which match, None for all.

    Raises:
        Problem: More than `MOST_FOLLOWED` match (400).
    """

    several = True

    def __init__(self, ledger: Readable, wanted: Wanted | None) -> None:
        self._ledger = ledger
        self._wanted = wanted
        self._version = ledger.version
        self._here = self._matching()
        self._gone: OrderedDict[ContainerKey, None] = OrderedDict()
        self._left_out = False
        if len(self._here) > MOST_FOLLOWED:
            raise Problem(
                "bad-parameter",
                f"{len(self._here)} containers match; logs of up to {MOST_FOLLOWED} are followed at"
                " once. Name fewer by `host`, `container` or `label`.",
            )

    @property
    def containers(self) -> frozenset[ContainerKey]:
        """Those that match, and those that went last."""
        return frozenset(self._here) | frozenset(self._gone)

    async def joined(self) -> Joined:
        """Wait until others match; also tells once that one was left out, for want of room."""
        while True:
            await self._ledger.beyond(self._version)
            joined = self._look()
            if joined.containers or joined.is_full:
                return joined

    def _look(self) -> Joined:
        """Take in what changed since the last look."""
        known, was_left_out = self.containers, self._left_out
        before, self._version = self._version, self._ledger.version
        changed = self._ledger.since(before)
        left = [_key(entry) for entry in changed if entry.gone]
        if before < self._ledger.oldest:  # of some it is not remembered that they went
            present = {_key(entry) for entry in self._ledger.present()}
            left = [key for key in self._here if key not in present]
        for key in left:
            self._leave(key)
        # Who was left out comes in once there is room, though nothing changed about it.
        has_room = self._left_out and len(self._here) < MOST_FOLLOWED
        coming = self._matching() if has_room else self._chosen(changed)
        self._left_out = self._left_out and not has_room
        for key in coming:
            self._come(key)
        return Joined(
            containers=self.containers - known, is_full=self._left_out and not was_left_out
        )

    def _come(self, key: ContainerKey) -> None:
        if key in self._here or len(self._here) < MOST_FOLLOWED:
            self._gone.pop(key, None)
            self._here[key] = None
        else:
            self._left_out = True

    def _leave(self, key: ContainerKey) -> None:
        if key not in self._here:
            return
        del self._here[key]
        self._gone[key] = None
        if len(self._gone) > _MOST_GONE:
            self._gone.popitem(last=False)

    def _matching(self) -> dict[ContainerKey, None]:
        return self._chosen(self._ledger.present())

    def _chosen(self, entries: list[Entry]) -> dict[ContainerKey, None]:
        wanted = self._wanted
        return {
            _key(entry): None
            for entry in entries
            if not entry.gone and (wanted is None or wanted(entry.subject))
        }


def _key(entry: Entry) -> ContainerKey:
    return (entry.subject.host, entry.subject.id or "")  # a container has one
