"""What one event costs does not depend on how much else there is: steps are counted, not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from msgspec.structs import replace

from tests.labels.telling import Told, container

FEW, MANY = 30, 300


def steps(work: Callable[[], object]) -> int:
    """How many instructions of Python `work` takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Callable[[FrameType, str, Any], Any]:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def full(count: int) -> Told:
    told = Told()
    told.put(*(container(f"web-{n}", f"{n}.example", port=8000 + n) for n in range(count)))
    return told


def unhealthy(count: int) -> int:
    told = full(count)
    sick = container("web-7", "7.example", port=8007, health="unhealthy")
    return steps(lambda: told.put(sick))


def ends(count: int) -> int:
    told = full(count)
    ended = container("web-7", "7.example", port=8007, state="exited")
    return steps(lambda: told.put(ended))


def goes_after_its_host(count: int) -> int:
    """The last route of a host that went, one container after the other: all are held."""
    told = full(count)
    for n in range(count):
        told.remove(container(f"web-{n}"))
        told.now += timedelta(milliseconds=1)
    told.now += timedelta(seconds=60) - timedelta(milliseconds=1, microseconds=500)
    told.settle()
    assert len(told.table.table.routes) == count
    assert sum(route.held_until is None for route in told.table.table.routes) == 1
    told.now += timedelta(milliseconds=1)
    return steps(told.settle)


def comes_back_to_what_is_held(count: int) -> int:
    told = full(count)
    told.remove(*(container(f"web-{n}") for n in range(count)))
    told.wait(60)
    back = replace(container("web-7", "7.example", port=8007), id="new")
    return steps(lambda: told.put(back))


@pytest.mark.parametrize(
    "event", [unhealthy, ends, goes_after_its_host, comes_back_to_what_is_held]
)
def test_one_event_costs_the_same_whatever_else_there_is(event: Callable[[int], int]) -> None:
    few = event(FEW)
    assert few > 100
    assert event(MANY) < few + MANY
