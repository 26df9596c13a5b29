"""How often a host's containers are looked at for logs to open, by trio's own clock."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import trio
import trio.testing

from config.models import Fleet, LocalHost, Monitoring
from connectors.errors import ApiStatusError
from fleet.limits import Limits
from fleet.logs import PASS_SECONDS, LogCollector
from fleet.tracker import Tracker
from tests.fleet.values import container

if TYPE_CHECKING:
    from fleet.connected import Connected
    from fleet.model import Container


class Asked(Tracker):
    """Notes when somebody looked at all containers."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def containers(self, host: str) -> Mapping[str, Container]:
        self.times.append(trio.current_time())
        return super().containers(host)


async def test_many_changes_are_looked_at_together_and_a_single_one_at_once(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - by its clock
    nursery: trio.Nursery,
) -> None:
    tracker = Asked()
    tracker.add_host("a")
    connected = SimpleNamespace(
        name="a",
        engine=None,  # not asked: of no container logs are wanted
        host=LocalHost(name="a"),
        version=SimpleNamespace(is_podman=False),
        log_streams=63,
    )
    limits = Limits.of(Fleet(data_dir=Path("/nowhere")))
    nursery.start_soon(LogCollector(cast("Connected", connected), tracker, limits).run)
    for number in range(1000):
        tracker.put_container(container(str(number)))
        await trio.sleep(0.002)
    await trio.sleep(1)
    assert 10 <= len(tracker.times) <= 25
    assert min(later - earlier for earlier, later in pairwise(tracker.times)) == pytest.approx(
        PASS_SECONDS
    )
    tracker.times.clear()
    changed = trio.current_time()
    tracker.put_container(container("last"))
    await trio.sleep(1)
    assert tracker.times == [changed]


@pytest.mark.parametrize(("status", "level"), [(409, "DEBUG"), (501, "WARNING")])
async def test_only_a_log_of_what_stays_is_warned_of(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - by its clock
    nursery: trio.Nursery,
    caplog: pytest.LogCaptureFixture,
    status: int,
    level: str,
) -> None:
    """Engine 20.10 answers with a conflict for each container that is being removed."""

    def refuse(*_words: object, **_named: object) -> None:
        raise ApiStatusError("a", status, "no log")

    tracker = Tracker()
    tracker.add_host("a")
    connected = SimpleNamespace(
        name="a",
        engine=SimpleNamespace(logs=refuse),
        host=LocalHost(name="a", monitoring=Monitoring(logs="all")),
        version=SimpleNamespace(is_podman=False),
        log_streams=63,
    )
    caplog.set_level(logging.DEBUG, "fleet.logs")
    limits = Limits.of(Fleet(data_dir=Path("/nowhere")))
    nursery.start_soon(LogCollector(cast("Connected", connected), tracker, limits).run)
    tracker.put_container(container("web"))
    await trio.sleep(1)
    assert [record.levelname for record in caplog.records] == [level]
