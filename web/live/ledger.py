"""The newest state of many things in the order of their last change, for any number of readers.

A change costs the same however many read: the thing gets the next version, goes to the end, and
one waiting reader is called, who calls the others. A reader holds a version and asks for what
changed since, so one that is slow is sent the newest state of each thing, never a growing queue.
What is sent of a state is encoded once, when the first reader needs it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Hashable, Sequence
from itertools import islice

import anyio.lowlevel
import msgspec

from web.documents import Document
from web.live.documents import RemovedDocument, SubjectType
from web.live.waiting import WaitingRoom

CALLED_AT_ONCE = 8  # readers, before anything else in the program has its turn
REMEMBERED = 10_000  # changes of which it is known what they were of, to count what is skipped
GONE = 1_000  # things that went and can still be told of to a reader who was away


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What filters look at. `id`, `name` and `identity` are a container's."""

    type: SubjectType
    host: str
    id: str | None = None
    name: str | None = None
    identity: str | None = None
    labels: dict[str, str] = {}


class Entry:
    """One state of one thing; another state is another entry.

    Attributes:
        version: Of the change that led to it; all changes of a ledger are numbered from 1.
        subject: What it is about.
        gone: The thing is no longer there.
    """

    __slots__ = ("_data", "_describe", "gone", "key", "subject", "version")

    def __init__(
        self,
        key: Hashable,
        version: int,
        subject: Subject,
        describe: Callable[[], Document] | None,
    ) -> None:
        self.key = key
        self.version = version
        self.subject = subject
        self.gone = describe is None
        self._describe = describe
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        """Its document as JSON; of what is gone a `RemovedDocument`."""
        if self._data is None:
            self._data = msgspec.json.encode(self._document())
            self._describe = None  # what it was made of is needed no more
        return self._data

    def _document(self) -> Document:
        if self._describe is not None:
            return self._describe()
        about = self.subject
        return RemovedDocument(type=about.type, host=about.host, id=about.id, name=about.name)


class Ledger:
    """The things of one kind.

    Attributes:
        name: What a snapshot calls them: `hosts`, `containers`, `stats`.
        mark: Up to five hex digits. Where several processes keep ledgers of one run, each numbers
            by itself, and has another one.
        version: The number of the last change.
        oldest: Who knows all up to this version can be told of everything since.
    """

    def __init__(
        self, name: str, mark: str = "", *, gone: int = GONE, remembered: int = REMEMBERED
    ) -> None:
        self.name = name
        self.mark = mark
        self.version = 0
        self.oldest = 0
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._gone: OrderedDict[Hashable, None] = OrderedDict()
        self._most_gone = gone
        self._changed: deque[Hashable] = deque(maxlen=remembered)
        self._waiting = WaitingRoom()
        self._calling = False

    def __contains__(self, key: Hashable) -> bool:
        entry = self._entries.get(key)
        return entry is not None and not entry.gone

    # Writing

    def put(self, key: Hashable, subject: Subject, describe: Callable[[], Document]) -> None:
        """A thing came, or has another state; `describe` is called at most once, maybe later."""
        self._gone.pop(key, None)
        self._append(key, subject, describe)

    def remove(self, key: Hashable) -> None:
        """A thing went; nothing happens if it was not there."""
        if key not in self:
            return
        self._append(key, self._entries[key].subject, None)
        self._gone[key] = None
        if len(self._gone) > self._most_gone:
            forgotten, _ = self._gone.popitem(last=False)
            self.oldest = self._entries.pop(forgotten).version

    def _append(
        self, key: Hashable, subject: Subject, describe: Callable[[], Document] | None
    ) -> None:
        self.version += 1
        self._entries[key] = Entry(key, self.version, subject, describe)
        self._entries.move_to_end(key)
        self._changed.append(key)
        if not self._calling and self._waiting:
            self._calling = True
            self._waiting.call(1)

    # Reading

    def present(self) -> list[Entry]:
        """All that are there now, the one that changed last at the end."""
        return [entry for entry in self._entries.values() if not entry.gone]

    def since(self, version: int) -> list[Entry]:
        """What changed after a version, as it is now, the last change at the end."""
        found = []
        for entry in reversed(self._entries.values()):
            if entry.version <= version:
                break
            found.append(entry)
        return found[::-1]

    def is_newest(self, entry: Entry) -> bool:
        """Whether the thing has had no other state since."""
        return self._entries.get(entry.key) is entry

    def skipped(self, version: int, changed: int, wanted: Sequence[Entry]) -> int | None:
        """How many states after `version` are not among the newest ones, `wanted` of `changed`.

        None: too many changes to know which of them were of what is wanted.
        """
        changes = self.version - version
        if len(wanted) == changed or changes == changed:
            return changes - changed
        if changes > len(self._changed):
            return None
        keys: Collection[Hashable] = {entry.key for entry in wanted}
        return sum(key in keys for key in islice(reversed(self._changed), changes)) - len(wanted)

    async def beyond(self, version: int) -> None:
        """Wait until something changed after a version."""
        while self.version <= version:
            await self._waiting.wait()
            if self._calling:
                await self._call_others()

    async def _call_others(self) -> None:
        """Wake everyone who waits now, not all in one turn of the loop: others want theirs."""
        self._calling = False
        left = len(self._waiting)
        try:
            while left > 0:
                self._waiting.call(CALLED_AT_ONCE)
                left -= CALLED_AT_ONCE
                await anyio.lowlevel.checkpoint()
        finally:
            if left > 0:  # cancelled: whoever was not called yet would sleep on
                self._waiting.call(len(self._waiting))
