"""What went wrong with a container, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from web.documents import ContainerDocument, EventDocument
from web.history_documents import RunDocument
from web.pages.states import Tone

MINUTES = 10
LOOP = timedelta(minutes=MINUTES)  # within which ends are counted
MANY = 3  # ends within it, from which on it is a loop
_STOPPED = frozenset({130, 137, 143})
_EXITS = {
    0: "it ended by itself",
    1: "its program failed",
    2: "its program failed, often as its arguments are wrong",
    125: "the Engine could not run it",
    126: "its command cannot be run: not executable, or no rights",
    127: "its command was not found",
    130: "interrupted",
    132: "illegal instruction",
    134: "aborted",
    135: "bus error",
    136: "arithmetic error",
    137: "killed",
    139: "segmentation fault",
    141: "broken pipe",
    143: "terminated: it was asked to stop",
}


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong; `further` is what tells more, or what to do.

    `loop`: it ends again and again.
    """

    tone: Tone
    text: str
    further: str = ""
    loop: bool = False


def exit_words(code: int | None, *, oom: bool = False) -> str:
    """What an exit code means: `137: killed, as it ran out of memory`."""
    if code is None:
        return "no exit code is known" + (", but it ran out of memory" if oom else "")
    if oom:
        return f"{code}: killed, as it ran out of memory"
    if code in _EXITS:
        return f"{code}: {_EXITS[code]}"
    if 128 < code < 160:
        return f"{code}: ended by signal {code - 128}"
    return str(code)  # what it means only its program knows


def ends_since(
    runs: Sequence[RunDocument], events: Sequence[EventDocument], since: datetime
) -> list[int | None]:
    """The exit codes of all ends after a time, oldest first, of what is stored and what just was.

    The same end has one time in a run and in its event.
    """
    found = {run.end: run.exit_code for run in runs if run.end is not None and run.end >= since}
    found |= {
        event.time: event.exit_code
        for event in events
        if event.action == "die" and event.time >= since
    }
    return [code for _, code in sorted(found.items())]


def troubles(
    container: ContainerDocument,
    runs: Sequence[RunDocument],
    events: Sequence[EventDocument],
    now: datetime,
) -> list[Trouble]:
    """All that is wrong with it, the gravest first; nothing for one that is as it should be."""
    return [
        *_loop(container, ends_since(runs, events, now - LOOP)),
        *_ended(container),
        *_unhealthy(container),
        *_refused(container),
        *_paused(container),
    ]


def last_end(runs: Sequence[RunDocument]) -> list[Trouble]:
    """How one that was removed ended, if not by itself."""
    last = next((run for run in runs if run.ended), None)
    if last is None or last.exit_code in (0, None):
        return []
    words = exit_words(last.exit_code, oom=last.oom_killed)
    tone: Tone = "warn" if last.exit_code in _STOPPED and not last.oom_killed else "bad"
    return [Trouble(tone=tone, text=f"Its last run ended with exit code {words}.")]


def _loop(container: ContainerDocument, ends: Sequence[int | None]) -> Iterator[Trouble]:
    if container.looping and len(ends) < container.ends_lately:  # what is stored lacks some
        ends = [container.last_exit_code] * container.ends_lately
    if container.state == "restarting" and not ends:
        yield Trouble(
            tone="bad",
            text="It ends again and again: the Engine waits before it starts it once more.",
            further=f"Restarts so far: {container.restart_count}.",
            loop=True,
        )
    runs = container.state in ("running", "restarting")
    looping = container.looping or (runs and len(ends) >= MANY)
    if not looping and not (container.state == "restarting" and ends):
        return
    codes = list(dict.fromkeys(ends))
    words = (
        f"{'each time ' if len(ends) > 1 else ''}with exit code {exit_words(codes[0])}"
        if len(codes) == 1
        else "with exit codes "
        + ", ".join("unknown" if code is None else str(code) for code in codes)
    )
    times = "once" if len(ends) == 1 else f"{len(ends)} times"
    yield Trouble(
        tone="bad",
        text=f"Ended {times} in the last {MINUTES} minutes (restart loop), {words}.",
        further=f"Its restart policy is {container.restart_policy or 'no'}.",
        loop=True,
    )


def _ended(container: ContainerDocument) -> Iterator[Trouble]:
    if container.state == "dead":
        yield Trouble(
            tone="bad",
            text="It is dead: the Engine could not take it down wholly.",
            further="`docker rm --force` removes what is left of it.",
        )
        return
    if container.state != "exited" or container.exit_code in (0, None):
        return
    words = exit_words(container.exit_code, oom=container.oom_killed)
    if container.oom_killed:
        yield Trouble(
            tone="bad",
            text=f"It ended with exit code {words}.",
            further="Give it more memory; the chart of memory shows how it grew.",
        )
    elif container.exit_code in _STOPPED:
        yield Trouble(tone="warn", text=f"It was stopped, exit code {words}.")
    else:
        yield Trouble(tone="bad", text=f"It ended with exit code {words}.")


def _unhealthy(container: ContainerDocument) -> Iterator[Trouble]:
    health = container.health
    if health.status != "unhealthy" or health.source != "healthcheck":
        return
    streak = f"{health.failing_streak:,} times in a row" if health.failing_streak else "again"
    last = health.log[-1] if health.log else None
    said = "" if last is None else f" The last one ended with exit code {last.exit_code}."
    yield Trouble(tone="bad", text=f"Its health check fails, {streak}.{said}")


def _refused(container: ContainerDocument) -> Iterator[Trouble]:
    if container.error:
        yield Trouble(tone="bad", text=f"The Engine says: {container.error}")


def _paused(container: ContainerDocument) -> Iterator[Trouble]:
    if container.state == "paused":
        yield Trouble(
            tone="warn", text="It is paused: it keeps its memory, but does nothing until resumed."
        )
