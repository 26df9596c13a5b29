"""The lines of containers to one reader: those stored, then live ones.

A line is stored a little after it comes in. So what comes in is listened to first, then the stored
tail is sent; after a moment, in which everything from before is stored, so is what had not been by
then. What is heard of these lines meanwhile is left out. A container that joins is read in the same
way, as its first lines came before anybody knew that it matches.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import anyio
import msgspec

from storage.queries_logs import LogPlace
from web.documents import GapDocument
from web.history import History, HistoryRefused, HistoryUnavailable, LogFilter, Span
from web.history_documents import LogLineDocument
from web.log_choice import MOST_FOLLOWED, Choice, Joined
from web.log_cursor import place_of
from web.log_progress import LATE, Progress
from web.log_source import LogSource, LogSubscription

MERGED = 0.1  # seconds of lines of several containers that are put in the order of their times
_PIECE = 100  # lines that are told at once
_PAGE = 1000
_MOST_PAGES = 10  # caught up with after a client was away; what is more is told as a gap
_AHEAD = timedelta(days=1)  # an Engine's clock may be ahead of ours

Told = tuple[LogLineDocument, str | None]
"""A line, and where who has it resumes; None: after the next one that has a place."""


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """What is followed: `tail` lines since `since`, or all `after` a place; then what comes.

    Attributes:
        choice: The containers whose lines are heard as they come in.
        wanted: Which lines, of those stored and of those that come.
    """

    choice: Choice
    wanted: LogFilter
    since: datetime
    tail: int
    after: LogPlace | None


class LogOutput(Protocol):
    """How a reader is told, in its protocol. A call returns when the client may take more."""

    async def lines(self, lines: Sequence[Told]) -> None:
        """Lines, those that are told together oldest first."""
        ...

    async def gap(self, gap: GapDocument) -> None:
        """Lines that were not sent."""
        ...

    async def heartbeat(self) -> None:
        """A sign of life."""
        ...


class LogFollower:
    """Tells one reader of lines until it is cancelled.

    Args:
        source: Where lines come in.
        history: Where they are stored.
        following: Which lines.
        output: Where they go.
        settle: Seconds after which a line that came in is stored.
        heartbeat: Seconds of silence before a sign of life.
    """

    def __init__(
        self,
        source: LogSource,
        history: History,
        following: Following,
        output: LogOutput,
        *,
        settle: float,
        heartbeat: float,
    ) -> None:
        self._source = source
        self._history = history
        self._following = following
        self._choice = following.choice
        self._output = output
        self._settle = settle
        self._heartbeat = heartbeat
        since = following.since if following.tail or following.after else datetime.now(UTC)
        self._progress = Progress(following.after, since)
        self._telling = anyio.Lock()
        self._spoke_at = 0.0

    async def run(self, begin: Callable[[], Awaitable[None]]) -> None:
        """Send what is stored, then what comes; `begin` is called once it is listened to."""
        with self._source.subscribe(self._choice.containers) as subscription:
            await begin()
            self._spoke()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._join, subscription)
                await self._read(self._tell_stored())
                await self._pass_on(subscription)

    async def _read(self, telling: Coroutine[Any, Any, None]) -> None:
        """Tell what is stored, or why it is not read, and go on."""
        try:
            await telling
        except HistoryUnavailable:
            await self._gap("the database is away")
        except HistoryRefused:  # the span is longer than is read at once
            await self._gap("too far behind")

    async def _tell_stored(self) -> None:
        following = self._following
        with_tail = following.tail > 0 and following.after is None
        opened = datetime.now(UTC)
        beyond = await self._tell_tail() if with_tail else None
        await anyio.sleep(self._settle)
        begin = self._progress.begin()
        if with_tail and self._progress.newest is None:  # all before was read
            begin = max(begin, opened - LATE)
        plain = following.after if type(following.after) is LogPlace else None
        await self._catch_up(following.wanted, begin, beyond or plain)

    async def _tell_tail(self) -> LogPlace | None:
        """Tell the last lines that are stored; the place of the first where there are more."""
        tail = self._following.tail
        span = _span(self._following.since)
        found = await self._history.logs(self._following.wanted, span, tail, "backward", None)
        first = found.lines[0] if len(found.lines) == tail else None
        if first is not None:
            self._progress.begin_at(first)
        await self._tell(found.lines, live=False)
        return None if first is None else place_of(first)

    async def _catch_up(
        self, wanted: LogFilter, begin: datetime, beyond: LogPlace | None = None
    ) -> None:
        """Tell what was stored since, and was not told."""
        if beyond is not None:
            begin = min(begin, beyond.time)
        for _ in range(_MOST_PAGES):
            page = await self._history.logs(wanted, _span(begin), _PAGE, "forward", beyond)
            new = [line for line in page.lines if not self._progress.was_told(line)]
            await self._tell(new, live=False)
            if page.newer is None:
                return
            beyond = place_of(page.lines[-1])
        await self._gap("too far behind")

    async def _join(self, subscription: LogSubscription) -> None:
        while True:
            joined = await self._choice.joined()
            subscription.follow(self._choice.containers)
            if joined.is_full:
                await self._gap(f"more than {MOST_FOLLOWED} containers match")
            if joined.containers:
                await self._read(self._tell_first(joined))

    async def _tell_first(self, joined: Joined) -> None:
        begin = datetime.now(UTC) - LATE
        await anyio.sleep(self._settle)
        wanted = msgspec.structs.replace(
            self._following.wanted,
            hosts=tuple(sorted({host for host, _ in joined.containers})),
            containers=tuple(sorted(id_ for _, id_ in joined.containers)),
            labels=(),
        )
        await self._catch_up(wanted, begin)

    async def _pass_on(self, subscription: LogSubscription) -> None:
        dropped = 0
        while True:
            with anyio.CancelScope(deadline=self._spoke_at + self._heartbeat):
                await subscription.arrived()
                if self._choice.several:
                    await anyio.sleep(MERGED)
            if subscription.dropped > dropped:
                missed, dropped = subscription.dropped - dropped, subscription.dropped
                await self._gap("too slow", missed)
            lines = subscription.take()
            if self._choice.several:
                lines = sorted(lines, key=_nanos)
            wanted = self._following.wanted
            new = [line for line in lines if line_matches(line, wanted)]
            await self._tell(new, live=True)
            if anyio.current_time() >= self._spoke_at + self._heartbeat:
                async with self._telling:
                    await self._output.heartbeat()
                    self._spoke()

    async def _gap(self, reason: str, missed: int | None = None) -> None:
        """Tell of lines that are not told."""
        async with self._telling:
            await self._output.gap(GapDocument(missed=missed, reason=reason))
            self._spoke()

    async def _tell(self, lines: Sequence[LogLineDocument], *, live: bool) -> None:
        async with self._telling:
            # Looked at under the lock: the other task may have told them meanwhile.
            new = [line for line in lines if not self._progress.is_told(line)]
            for begin in range(0, len(new), _PIECE):
                piece = new[begin : begin + _PIECE]
                await self._output.lines(list(self._placed(piece, live=live)))
                self._spoke()

    def _placed(self, lines: Sequence[LogLineDocument], *, live: bool) -> Iterator[Told]:
        """Of one container each line has its place, else the last of those told together."""
        for number, line in enumerate(lines, 1):
            self._progress.tell(line, live=live)
            has_place = number == len(lines) or not self._choice.several
            yield line, self._progress.cursor() if has_place else None

    def _spoke(self) -> None:
        self._spoke_at = anyio.current_time()


def line_matches(line: LogLineDocument, wanted: LogFilter) -> bool:
    """Whether a line is wanted, all but the regular expression, which is the database's."""
    return (
        (not wanted.levels or line.level in wanted.levels)
        and (not wanted.streams or line.stream in wanted.streams)
        and (wanted.text is None or wanted.text.lower() in line.line.lower())
    )


def _span(begin: datetime) -> Span:
    return Span(begin, datetime.now(UTC) + _AHEAD)


def _nanos(line: LogLineDocument) -> int:
    return line.time_nano
