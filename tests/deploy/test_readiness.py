from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from fleet.readiness import Readiness
from tests.deploy.manager import Manager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def test_states_reach_the_manager(manager: Manager, tmp_path: Path) -> None:
    Readiness({"NOTIFY_SOCKET": str(tmp_path / "notify")}).tell("READY=1", "STATUS=up")
    assert manager.heard() == "READY=1\nSTATUS=up"


def test_a_name_in_the_abstract_namespace_does_as_well() -> None:
    name = f"fleet-test-{os.getpid()}"
    manager = Manager(f"\0{name}")
    Readiness({"NOTIFY_SOCKET": f"@{name}"}).tell("READY=1")
    assert manager.heard() == "READY=1"
    manager.close()


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    Readiness({}).tell("READY=1")
    Readiness({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell("READY=1")


async def test_the_loop_gives_signs_of_life(
    manager: Manager,
    tmp_path: Path,
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - pytest-trio looks for it
) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}
    with trio.move_on_after(100):
        await Readiness({**environ, "WATCHDOG_PID": str(os.getpid())}).live()
    assert [manager.heard() for _ in range(4)] == ["WATCHDOG=1"] * 4  # at 0, 30, 60 and 90 seconds
    with trio.move_on_after(100):
        await Readiness({**environ, "WATCHDOG_PID": "1"}).live()  # another process's
    Readiness(environ).tell("STOPPING=1")
    assert manager.heard() == "STOPPING=1"
