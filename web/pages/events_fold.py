"""What of events is noise, and what happens again and again: told once, with how often. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from web.documents import EventDocument
from web.rest.listings import EVENTS
from web.rest.order import Place

GAP = timedelta(minutes=10)  # between two events of one loop, at most
MANY = 3  # ends from which on it is a loop
MOST_CODES = 3
_LIFE = frozenset({"create", "start", "die", "restart", "stop", "kill", "oom", "destroy"})
_LINKS = frozenset({"connect", "disconnect"})  # of a network, at each start and end
_NOISE = frozenset(
    {
        *("exec_create", "exec_start", "exec_die", "exec_detach"),
        *("attach", "detach", "resize", "top", "archive-path", "export"),
    }
)
_WITH_A_START = {"network": _LINKS, "volume": frozenset({"mount", "unmount"})}
place = EVENTS.order(None).place

Key = tuple[str, str]


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """A container that ended again and again. `events` are all of it, the newest first."""

    host: str
    name: str
    actor_id: str
    ends: int
    codes: tuple[int | None, ...]
    out_of_memory: bool
    events: tuple[EventDocument, ...]

    @property
    def newest(self) -> EventDocument:
        """Its last event."""
        return self.events[0]

    @property
    def seconds(self) -> float:
        """From its first event to its last one."""
        return (self.events[0].time - self.events[-1].time).total_seconds()


Row = EventDocument | Loop


def moment_of(row: Row) -> datetime:
    """When it happened, or happened last."""
    return row.newest.time if isinstance(row, Loop) else row.time


def quieted(events: Sequence[EventDocument]) -> list[EventDocument]:
    """Without noise, in the same order, which is the newest first.

    That a container is healthy is none after it was unhealthy.
    """
    sick: set[str] = set()
    kept = []
    for event in reversed(events):
        if event.action.startswith("health_status"):
            was_sick = event.actor_id in sick
            (sick.discard if event.action.endswith(" healthy") else sick.add)(event.actor_id)
            if event.action.endswith(" healthy") and not was_sick:
                continue
        elif _is_noise(event):
            continue
        kept.append(event)
    return kept[::-1]


def _is_noise(event: EventDocument) -> bool:
    if event.type == "container":
        return event.action.partition(":")[0] in _NOISE
    return event.action in _WITH_A_START.get(event.type, ())


def folded(events: Sequence[EventDocument]) -> list[Row]:
    """With each loop as one row, where its newest event is; the newest first, as they come."""
    loops = list(_loops(events))
    of_loop = {place(event): loop for loop in loops for event in loop.events}
    rows: list[Row] = []
    for event in events:
        loop = of_loop.get(place(event))
        if loop is None:
            rows.append(event)
        elif event is loop.newest:
            rows.append(loop)
    return rows


def _loops(events: Sequence[EventDocument]) -> Iterable[Loop]:
    names: dict[Key, Key] = {}
    lives: dict[Key, list[EventDocument]] = {}
    for event in reversed(events):
        if event.type == "container":
            names[event.host, event.actor_id] = (event.host, event.name or event.actor_id)
    for event in events:
        key = _of_life(event, names)
        if key is not None:
            lives.setdefault(key, []).append(event)
    for (host, name), life in lives.items():
        for together in _clusters(life):
            own = [event for event in together if event.type == "container"]
            ends = [event for event in own if event.action == "die"]
            if len(ends) >= MANY:
                codes = tuple(dict.fromkeys(event.exit_code for event in ends))[:MOST_CODES]
                yield Loop(
                    host=host,
                    name=name,
                    actor_id=own[0].actor_id,
                    ends=len(ends),
                    codes=codes,
                    out_of_memory=any(event.action == "oom" for event in own),
                    events=tuple(together),
                )


def _of_life(event: EventDocument, names: dict[Key, Key]) -> Key | None:
    if event.type == "container" and event.action in _LIFE:
        return names[event.host, event.actor_id]
    if event.type == "network" and event.action in _LINKS:
        return names.get((event.host, event.attributes.get("container", "")))
    return None


def _clusters(life: Sequence[EventDocument]) -> Iterable[list[EventDocument]]:
    """Runs of events without a long pause; the newest first."""
    together: list[EventDocument] = []
    for event in life:
        if together and together[-1].time - event.time > GAP:
            yield together
            together = []
        together.append(event)
    yield together


def first_rows(rows: Sequence[Row], most: int) -> Place | None:
    """The place of the last event that is shown of the first rows; None where they are all."""
    if len(rows) <= most:
        return None
    last = rows[most - 1]
    return place(last.newest if isinstance(last, Loop) else last)
