"""Where the logs of all containers stand, also those that an earlier run of ours has read."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import UTC, datetime
from typing import NamedTuple

from fleet.log_lines import LogCursor, Place


class LastLine(NamedTuple):
    """The newest line that is stored of a container."""

    host: str
    container_id: str
    stream: str
    time_nano: int
    sequence: int


class LogCursors:
    """A cursor for each container of each host; outlives connections.

    Attributes:
        began: Since when there are containers that are new to us, by our clock.
    """

    def __init__(self) -> None:
        self.began = datetime.now(UTC)
        self._cursors: dict[str, dict[str, LogCursor]] = {}
        self._unknown: set[str] = set()  # hosts

    def resume(self, hosts: Iterable[str], last: Iterable[LastLine] | None) -> None:
        """Go on after these lines of `hosts`; None: some may be stored, but that is not told."""
        if last is None:
            self._unknown.update(hosts)
        for line in last or ():
            place = Place(line.time_nano, line.sequence)
            self.of(line.host, line.container_id).places[line.stream] = place

    def of(self, host: str, container_id: str) -> LogCursor:
        """A container's cursor; a new one if there is none."""
        known = self._cursors.setdefault(host, {})
        if container_id not in known:
            known[container_id] = LogCursor(is_unknown=host in self._unknown)
        return known[container_id]

    def known(self, host: str) -> Set[str]:
        """The containers of a host that have one."""
        return self._cursors.get(host, {}).keys()

    def drop(self, host: str, container_id: str) -> None:
        """Forget that of a container that is gone."""
        self._cursors.get(host, {}).pop(container_id, None)

    def forget(self, host: str) -> None:
        """Forget a host."""
        self._cursors.pop(host, None)
        self._unknown.discard(host)
