"""When containers ran, read off what was seen of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from storage.records import Interval
from storage.rows import ContainerRow, EventRow

SAME_START = timedelta(seconds=5)  # the Engine's event of a start comes a little after its time


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a container; what nobody saw is None.

    `ended` without `end`: it ended at some time before the next start.
    """

    container_id: str
    start: datetime | None
    end: datetime | None = None
    ended: bool = False
    exit_code: int | None = None
    oom_killed: bool = False
    signal: str | None = None
    seconds: float | None = None


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """What `uptime` finds; see `web.history_documents.UptimeDocument`."""

    state: str
    up_seconds: float
    down_seconds: float
    unknown_seconds: float
    up_percent: float | None
    restarts: int
    oom_kills: int
    unhealthy_seconds: float | None
    health: str | None
    last_exit_codes: tuple[int, ...]
    runs: tuple[Run, ...]
    truncated: bool = False


Spans = list[tuple[datetime, datetime]]


def uptime(
    lives: Sequence[ContainerRow],
    events: Sequence[EventRow],
    unwatched: Sequence[Interval],
    span: Interval,
) -> Uptime:
    """How much of `span` at least one of the containers ran.

    Args:
        lives: The containers, incarnations of one another, as they were last seen.
        events: Theirs, oldest first: of the span, and the last ones before it.
        unwatched: When their host was not watched.
        span: Not beyond now.
    """
    runs = sorted(
        (run for life in lives for run in runs_of(life, events, span)),
        key=lambda run: run.start or span.start,
    )
    away: Spans = [(gap.start, gap.end) for gap in unwatched]
    there = _within(_union((_first(life, span), life.removed or span.end) for life in lives), span)
    up, doubtful = _ran(runs, away, span)
    up = _overlap(up, there)
    rest = subtract(there, up)
    unwitnessed = _union([*away, *doubtful])
    # Each is a sum of its own: a difference of sums is not zero where it should be.
    seconds_up, seconds_down = total(up), total(subtract(rest, unwitnessed))
    known = seconds_up + seconds_down
    inside = [run for run in runs if _touches(run, span)]
    ended = [run for run in inside if run.end is not None and run.end >= span.start]
    unhealthy, health = _health(events, span)
    return Uptime(
        state=_state(lives),
        up_seconds=seconds_up,
        down_seconds=seconds_down,
        unknown_seconds=total(_overlap(rest, unwitnessed)),
        up_percent=100 * seconds_up / known if known > 0 else None,
        restarts=sum(run.start is not None and run.start >= span.start for run in runs[1:]),
        oom_kills=sum(run.oom_killed for run in inside),
        unhealthy_seconds=unhealthy,
        health=health,
        last_exit_codes=tuple(
            run.exit_code for run in reversed(ended) if run.exit_code is not None
        )[:10],
        runs=tuple(_timed(run, span) for run in reversed(inside)),
    )


def runs_of(life: ContainerRow, events: Iterable[EventRow], span: Interval) -> list[Run]:
    """The runs of one container, oldest first: from events, mended by what it was seen to be."""
    runs: list[Run] = []
    for event in events:
        if event.actor_id == life.id:
            _apply(runs, event)
    now_running = life.removed is None and life.state in ("running", "paused")
    if life.started is not None and life.started < span.end:
        _mend(runs, life.id, life.started)
    if runs and not runs[-1].ended and not now_running:
        runs[-1] = _closed(runs[-1], life)
    return runs


def _mend(runs: list[Run], container_id: str, started: datetime) -> None:
    """Bring in the newest start, as the Engine told it of the container itself."""
    last = runs[-1] if runs else None
    if last is None or (last.end or last.start or started) + SAME_START < started:
        if last is not None:
            runs[-1] = msgspec.structs.replace(last, ended=True)
        runs.append(Run(container_id=container_id, start=started))
    elif last.start is None:
        runs[-1] = msgspec.structs.replace(last, start=started)


def _apply(runs: list[Run], event: EventRow) -> None:
    last = runs[-1] if runs and not runs[-1].ended else None
    match event.action:
        case "start":
            if last is not None:
                runs[-1] = msgspec.structs.replace(last, ended=True)
            runs.append(Run(container_id=event.actor_id, start=event.time))
        case "die":
            if last is None:
                last = Run(container_id=event.actor_id, start=None)
                runs.append(last)
            runs[-1] = msgspec.structs.replace(
                last, end=event.time, ended=True, exit_code=event.exit_code
            )
        case "oom" if last is not None:
            runs[-1] = msgspec.structs.replace(last, oom_killed=True)
        case "kill" if last is not None:
            runs[-1] = msgspec.structs.replace(last, signal=event.attributes.get("signal"))


def _closed(run: Run, life: ContainerRow) -> Run:
    """A run whose end was not seen, of a container that no longer runs."""
    if life.finished is not None and life.finished >= (run.start or life.finished):
        return msgspec.structs.replace(run, end=life.finished, ended=True, exit_code=life.exit_code)
    return msgspec.structs.replace(run, end=life.removed, ended=True)


def _ran(runs: Sequence[Run], away: Spans, span: Interval) -> tuple[Spans, Spans]:
    """When something ran for certain, and when it is not known how long it still did."""
    up: Spans = []
    doubtful: Spans = []
    for place, run in enumerate(runs):
        if run.start is not None and (run.end is not None or not run.ended):
            up.append((run.start, run.end or span.end))
        elif run.start is None:
            up += subtract([(span.start, run.end or span.end)], away)
        else:
            following = next((later.start for later in runs[place + 1 :] if later.start), span.end)
            seen_until = next((gap[0] for gap in away if gap[1] > run.start), run.start)
            up.append((run.start, max(run.start, min(seen_until, following))))
            doubtful.append((run.start, following))
    return _within(_union(up), span), _union(doubtful)


def _health(events: Iterable[EventRow], span: Interval) -> tuple[float | None, str | None]:
    """Seconds of the span that a health check failed in, and its last word; None for no check."""
    since: datetime | None = None
    unhealthy: Spans = []
    word: str | None = None
    for event in events:
        if event.action.startswith("health_status"):
            word = event.action.partition(": ")[2] or word
        elif event.action not in ("die", "start"):
            continue
        if since is not None:
            unhealthy.append((since, event.time))
        since = event.time if event.action == "health_status: unhealthy" else None
    if since is not None:
        unhealthy.append((since, span.end))
    return (None, None) if word is None else (total(_within(unhealthy, span)), word)


def _state(lives: Sequence[ContainerRow]) -> str:
    newest = max(lives, key=lambda life: (life.removed is None, life.seen), default=None)
    if newest is None:
        return "unknown"
    return newest.state if newest.removed is None else "removed"


def _first(life: ContainerRow, span: Interval) -> datetime:
    return life.created or span.start


def _touches(run: Run, span: Interval) -> bool:
    after = run.end is None or run.end >= span.start
    return after and (run.start is None or run.start < span.end)


def _timed(run: Run, span: Interval) -> Run:
    if run.start is None or (run.ended and run.end is None):
        return run
    seconds = ((run.end or span.end) - run.start).total_seconds()
    return msgspec.structs.replace(run, seconds=seconds)


def _union(spans: Iterable[tuple[datetime, datetime]]) -> Spans:
    joined: Spans = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif end > start:
            joined.append((start, end))
    return joined


def _overlap(ones: Spans, others: Spans) -> Spans:
    """What is in both, of spans that are each in order and apart."""
    found: Spans = []
    mine, theirs = 0, 0
    while mine < len(ones) and theirs < len(others):
        start = max(ones[mine][0], others[theirs][0])
        end = min(ones[mine][1], others[theirs][1])
        if start < end:
            found.append((start, end))
        if ones[mine][1] < others[theirs][1]:
            mine += 1
        else:
            theirs += 1
    return found


def _within(spans: Spans, span: Interval) -> Spans:
    return _overlap(_union(spans), [(span.start, span.end)])


def subtract(spans: Spans, taken: Spans) -> Spans:
    """What is in `spans` and not in `taken`."""
    taken = _union(taken)
    left: Spans = []
    for start, end in spans:
        at = start
        for begin, until in taken:
            if at < until and begin < end:
                left += [(at, begin)] if begin > at else []
                at = until
        left += [(at, end)] if at < end else []
    return left


def total(spans: Spans) -> float:
    """Seconds in all of them."""
    return sum((end - start).total_seconds() for start, end in spans)
