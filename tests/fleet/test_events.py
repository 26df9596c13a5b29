from __future__ import annotations

import pytest

from fleet.events import (
    FIRST_LOOK_BACK_NANOS,
    OVERLAP_NANOS,
    REMEMBERED,
    EventCursor,
    EventRouter,
    is_noise,
)
from fleet.model import EngineEvent
from tests.fleet.values import event

NOW = 1_700_000_000 * 10**9


@pytest.mark.parametrize(
    ("action", "noise"),
    [
        ("exec_create: sh -c true", True),
        ("exec_die", True),
        ("top", True),
        ("health_status: healthy", False),
        ("die", False),
        ("kill", False),
        ("rename", False),
    ],
)
def test_noise(action: str, noise: bool) -> None:
    assert is_noise(event(action=action)) is noise


def test_a_first_look_goes_back_an_hour() -> None:
    assert EventCursor().since(NOW) == NOW - FIRST_LOOK_BACK_NANOS


def test_resuming_overlaps_and_tells_apart_what_was_seen() -> None:
    cursor = EventCursor()
    assert cursor.is_new(event(NOW))
    assert cursor.since(NOW + 10) == NOW - OVERLAP_NANOS
    assert not cursor.is_new(event(NOW))
    assert cursor.is_new(event(NOW, action="die")), "the same instant, another action"
    assert cursor.is_new(event(NOW, actor_id="d" * 64)), "the same instant, another container"
    assert cursor.is_new(event(NOW - 1)), "older, but never seen"


def test_an_engine_whose_clock_was_set_back_is_asked_from_further_back() -> None:
    cursor = EventCursor(NOW + 3600 * 10**9)
    assert cursor.since(NOW) == NOW - FIRST_LOOK_BACK_NANOS


def test_the_memory_of_seen_events_is_bounded() -> None:
    cursor = EventCursor()
    for nano in range(REMEMBERED + 10):
        assert cursor.is_new(event(nano))
    assert not cursor.is_new(event(REMEMBERED))
    assert cursor.is_new(event(0)), "long gone from the Engine's own 256"


def test_handlers_are_called_by_type_and_action() -> None:
    router = EventRouter()
    called: list[str] = []

    def note(word: str) -> None:
        router.register("container", lambda _: called.append(word), None if word == "any" else word)

    for word in ("any", "die", "health_status"):
        note(word)

    def route(action: str, type_: str = "container") -> list[str]:
        called.clear()
        routed: EngineEvent = event(action=action, type=type_)
        router.route(routed)
        return list(called)

    assert route("die") == ["die", "any"]
    assert route("health_status: healthy") == ["health_status", "any"]
    assert route("start") == ["any"]
    assert route("die", "network") == []
