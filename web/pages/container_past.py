"""What the page of a container shows of the past, read anew while it is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import anyio
import msgspec

from web.documents import ContainerDocument, EventDocument
from web.finding import ambiguous, best, find_container
from web.history import (
    History,
    HistoryRefused,
    HistoryUnavailable,
    LogFilter,
    Recorded,
    Span,
)
from web.history_documents import IncarnationDocument, LogLineDocument, RunDocument, UptimeDocument
from web.problems import Problem
from web.recorded import find_recorded_in
from web.sources import Sources

SPANS = (("24 hours", 1), ("7 days", 7), ("30 days", 30))  # and how many days they are
TAIL = 50  # lines of its log
LAST_WORDS = 8  # lines before its last end
EVENTS = 50
RUNS = 20
QUICK = 4.0  # seconds after which lines are read anew
SLOW = 30.0  # seconds after which all else is
LONG = 300.0  # seconds after which the uptime of weeks is: it takes the longest to read
SETTLED = 3.0  # seconds until what happened is stored
AGAIN = 10.0  # seconds that a database which does not answer is left alone
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_APART = timedelta(seconds=0.5)  # that times of lines and events may be, of one moment
PATIENCE = 4.0  # seconds that the page waits for the database


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of it. `note` says why there is nothing, or why it may be old.

    Attributes:
        lines: The newest of its log, oldest first.
        last_words: The last lines before its last end.
        uptimes: By the name of their span.
        runs: The newest first.
        events: The newest of the last 30 days, newest last.
    """

    note: str = ""
    lines: tuple[LogLineDocument, ...] = ()
    last_words: tuple[LogLineDocument, ...] = ()
    uptimes: tuple[tuple[str, UptimeDocument], ...] = ()
    runs: tuple[RunDocument, ...] = ()
    events: tuple[EventDocument, ...] = ()


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """Which container a page is about.

    Attributes:
        host: Its host's name.
        ref: As the address has it.
        recorded: How its history is read; None where there is no database, or it is away.
    """

    host: str
    ref: str
    recorded: Recorded | None

    def live(self, source: Sources) -> ContainerDocument | None:
        """The container as it is now; None for one that was removed."""
        found = best(source.model.find(self.ref, self.host), self.ref)
        if not found and self.recorded is not None:
            found = source.model.find(self.recorded.id, self.host)
        return found[0] if found else None

    @property
    def incarnations(self) -> tuple[IncarnationDocument, ...]:
        """All containers that are meant, newest first."""
        return () if self.recorded is None else self.recorded.incarnations


async def find_meant(source: Sources, host: str, ref: str) -> Meant:
    """The container of an address.

    Raises:
        Problem: There is none, or there are several (404, 409).
        HistoryUnavailable: It does not live, and the database is away.
    """
    wanted = ref.removeprefix("/")
    found = best(source.model.find(wanted, host), wanted)
    if len(found) > 1:
        raise ambiguous(wanted, found)
    if not found and source.history is None:
        find_container(source.model, wanted, host)
    try:
        recorded = await find_recorded_in(source, wanted, host)
    except (HistoryUnavailable, Problem):
        if not found:
            raise
        recorded = None
    return Meant(host=host, ref=wanted, recorded=recorded)


class Reader:
    """Reads it for one page.

    Args:
        source: For who asks.
        meant: Which container.
    """

    def __init__(self, source: Sources, meant: Meant) -> None:
        self.past = Past()
        self.meant = meant
        self._source = source
        self._quick = self._slow = self._longer = self._not_before = float("-inf")
        self._uptimes: list[tuple[str, UptimeDocument]] = []
        self._version: object = None

    async def refresh(self) -> None:
        """Read what is old by now; what cannot be read stays as it was, and `note` says why."""
        if anyio.current_time() < self._not_before:
            return
        rest = AGAIN
        try:
            with anyio.fail_after(PATIENCE):
                note = await self._ask()
        except TimeoutError:
            note = f"The database did not answer within {PATIENCE:.0f} s."
        except (HistoryUnavailable, HistoryRefused) as problem:
            note = str(problem)
        except Problem as problem:  # it went before it was stored
            note, rest = problem.detail, SETTLED
        if note:
            self._not_before = anyio.current_time() + rest
        if note and self._source.history is not None:
            note = f"{note} What is live is shown anyway; the past is, once it can be read."
        self.past = msgspec.structs.replace(self.past, note=note)

    async def _ask(self) -> str:
        history = self._source.history
        if history is None:
            return "No database is in use, so nothing of the past is known."
        now = anyio.current_time()
        live = self.meant.live(self._source)
        version = None if live is None else (live.id, live.state, live.started, live.restart_count)
        changed = version != self._version
        recorded = self.meant.recorded
        is_due = changed or now - self._slow >= SLOW
        if recorded is None or is_due:
            # It may have been made anew meanwhile.
            recorded = await find_recorded_in(self._source, self.meant.ref, self.meant.host)
            self.meant = msgspec.structs.replace(self.meant, recorded=recorded)
        if now - self._quick >= QUICK:
            lines = await _lines(history, recorded, _end(recorded, datetime.now(UTC)), TAIL)
            self.past = msgspec.structs.replace(self.past, lines=lines)
            self._quick = now
        if is_due:  # at last, as it takes the longest
            await self._read(history, recorded, now)
            # What happens is stored a moment later: it is asked for again then.
            self._slow = now - SLOW + SETTLED if changed else now
            self._version = version
        return ""

    async def _read(self, history: History, recorded: Recorded, now: float) -> None:
        moment = datetime.now(UTC)
        if now - self._longer >= LONG:
            self._uptimes = await _uptimes(history, recorded, moment)
            self._longer = now
        else:
            self._uptimes[0] = await _uptime(history, recorded, moment, SPANS[0])
        longest = Span(moment - timedelta(days=SPANS[-1][1]), moment)
        events = await history.container_events(recorded, longest, EVENTS)
        runs = _runs([uptime for _, uptime in self._uptimes])
        ended = next((run for run in runs if run.end is not None), None)
        self.past = msgspec.structs.replace(
            self.past,
            last_words=() if ended is None else await _words(history, recorded, ended),
            uptimes=tuple(self._uptimes),
            runs=runs,
            events=events.events,
        )


async def _uptimes(
    history: History, recorded: Recorded, now: datetime
) -> list[tuple[str, UptimeDocument]]:
    return [await _uptime(history, recorded, now, span) for span in SPANS]


async def _uptime(
    history: History, recorded: Recorded, now: datetime, span: tuple[str, int]
) -> tuple[str, UptimeDocument]:
    name, days = span
    return name, await history.uptime(recorded, Span(now - timedelta(days=days), now))


def _runs(uptimes: Sequence[UptimeDocument]) -> tuple[RunDocument, ...]:
    """The newest of all spans, of which the shorter ones know better."""
    found: dict[tuple[str, datetime | None], RunDocument] = {}
    for uptime in uptimes:
        for run in uptime.runs:
            found.setdefault((run.container_id, run.start), run)
    newest = sorted(found.values(), key=_begun, reverse=True)
    return tuple(newest[:RUNS])


def _begun(run: RunDocument) -> datetime:
    return run.start or run.end or _LONG_AGO


def _end(recorded: Recorded, now: datetime) -> datetime:
    """Up to when there is something of it."""
    return max((one.last or now for one in recorded.incarnations), default=now) + _APART


async def _words(
    history: History, recorded: Recorded, run: RunDocument
) -> tuple[LogLineDocument, ...]:
    """The last lines of a run that ended."""
    if run.end is None:
        return ()
    found = await _lines(history, recorded, run.end + _APART, LAST_WORDS)
    begun = run.start - _APART if run.start is not None else None
    same = (line for line in found if line.container_id == run.container_id)
    return tuple(line for line in same if begun is None or line.time >= begun)


async def _lines(
    history: History, recorded: Recorded, until: datetime, limit: int
) -> tuple[LogLineDocument, ...]:
    wanted = LogFilter(
        hosts=(recorded.host,), containers=tuple(one.id for one in recorded.incarnations)
    )
    span = Span(until - timedelta(days=1), until)
    found = await history.logs(wanted, span, limit, "backward", None)
    return found.lines
