"""Which rows become of changes, and in which order they count."""

from __future__ import annotations

import pytest

from config.models import Host, LocalHost
from fleet.rows import RowWriter
from fleet.tracker import Tracker, now
from storage.rows import HealthRow, HostRow, Row


@pytest.fixture
def offered() -> list[Row]:
    return []


@pytest.fixture
def hosts() -> dict[str, Host]:
    return {"a": LocalHost(name="a", labels={"site": "one"})}


@pytest.fixture
def tracker(hosts: dict[str, Host], offered: list[Row]) -> Tracker:
    made = Tracker()
    made.listen(RowWriter(made, lambda: hosts, offered.append))
    made.add_host("a")
    return made


def test_of_a_host_that_was_seen_once_the_row_offered_later_is_the_newer(
    tracker: Tracker, hosts: dict[str, Host], offered: list[Row]
) -> None:
    seen = now()
    tracker.update_host("a", status="up", listed=True, last_seen=seen)
    hosts["a"] = LocalHost(name="a", labels={"site": "two"})
    tracker.update_host("a", status="down")
    rows = [row for row in offered if isinstance(row, HostRow)]
    assert [row.labels["site"] for row in rows] == ["one", "two"]
    assert rows[0].seen == seen < rows[1].seen


def test_a_host_that_comes_back_is_told_of_at_once(tracker: Tracker, offered: list[Row]) -> None:
    tracker.update_host("a", response_seconds=0.1)
    tracker.update_host("a", response_seconds=0.2)
    assert len([row for row in offered if isinstance(row, HealthRow)]) == 1
    tracker.remove_host("a")
    tracker.add_host("a")
    tracker.update_host("a", response_seconds=0.3)
    assert len([row for row in offered if isinstance(row, HealthRow)]) == 2
