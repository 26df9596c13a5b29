from __future__ import annotations

import pytest

from fleet.changes import (
    Change,
    ContainerChanged,
    ContainerRemoved,
    EventSeen,
    HostChanged,
    HostRemoved,
    Sampled,
)
from fleet.tracker import Tracker, now
from tests.fleet.values import container, event, sample


@pytest.fixture
def changes() -> list[Change]:
    return []


@pytest.fixture
def tracker(changes: list[Change]) -> Tracker:
    tracker = Tracker(event_buffer=3)
    tracker.add_host("a")
    tracker.listen(changes.append)
    return tracker


def test_diffs_are_numbered_without_gaps(tracker: Tracker, changes: list[Change]) -> None:
    first = tracker.revision
    tracker.update_host("a", status="up")
    tracker.put_container(container())
    tracker.put_event(event())
    tracker.put_sample("a", "c" * 64, sample())
    tracker.remove_container("a", "c" * 64)
    tracker.remove_host("a")
    assert [change.revision for change in changes] == list(range(first + 1, first + 7))
    assert [type(change) for change in changes] == [
        HostChanged,
        ContainerChanged,
        EventSeen,
        Sampled,
        ContainerRemoved,
        HostRemoved,
    ]


def test_a_container_that_did_not_change_is_no_change(
    tracker: Tracker, changes: list[Change]
) -> None:
    tracker.put_container(container())
    tracker.put_container(container())
    assert len(changes) == 1


def test_since_follows_the_status(tracker: Tracker) -> None:
    before = tracker.hosts["a"].since
    assert tracker.update_host("a", response_seconds=0.1).since == before
    assert tracker.update_host("a", status="up").since > before


def test_a_stopped_container_has_no_current_sample(tracker: Tracker) -> None:
    tracker.put_container(container())
    tracker.put_sample("a", "c" * 64, sample())
    assert tracker.sample("a", "c" * 64) is not None
    tracker.put_container(container(state="exited"))
    assert tracker.sample("a", "c" * 64) is None


def test_a_sample_that_comes_after_the_stop_is_let_go(
    tracker: Tracker, changes: list[Change]
) -> None:
    tracker.put_container(container(state="exited"))
    tracker.put_sample("a", "c" * 64, sample())
    tracker.put_sample("a", "unknown", sample())
    assert [type(change) for change in changes] == [ContainerChanged]


def test_what_a_fresh_list_no_longer_has_is_removed(tracker: Tracker) -> None:
    for name in "abc":
        tracker.put_container(container(name * 64, name=name))
    tracker.keep_only("a", ["b" * 64])
    assert list(tracker.containers("a")) == ["b" * 64]


def test_recent_events_are_bounded_and_numbered(tracker: Tracker) -> None:
    for nano in range(5):
        tracker.put_event(event(nano))
    assert [kept.number for kept in tracker.events.newest(10)] == [3, 4, 5]


def test_a_restarted_session_keeps_what_is_known_and_calls_it_stale(tracker: Tracker) -> None:
    tracker.put_container(container())
    tracker.update_host("a", status="up", listed=True, last_seen=now())
    tracker.add_host("a")
    state = tracker.hosts["a"]
    assert state.status == "connecting"
    assert state.stale_since == state.last_seen is not None
    assert len(tracker.containers("a")) == 1
