"""What was known is served after a restart, while nobody can be asked."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from labels.routing.snapshot import Snapshot
from labels.routing.table import RouteTable
from tests.labels.telling import CONFIGURATION, Told, after, container, place

WEB = container("web", "a.example", title="Web")
API = container("api", "a.example", port=8081)
GONE = container("gone", "b.example")


def restarted(told: Told, seconds: float = 1000) -> Told:
    """Another run: it remembers, and nothing was heard yet."""
    text = msgspec.json.encode(told.table.snapshot())
    later = Told()
    later.table = RouteTable()
    later.now = after(seconds)
    later.table.place(place(), CONFIGURATION, later.now)
    later.table.restore(msgspec.json.decode(text, type=Snapshot), later.now)
    return later


def test_restored_routes_serve_as_they_did_and_are_stale() -> None:
    told = Told()
    other = replace(WEB, labels=WEB.labels | {"maintainer": "x"})
    told.put(other, API, container("plain"))
    told.wait(5)
    later = restarted(told)
    assert later.settle() == []
    table = later.table.table
    assert table.complete
    assert table.revision == told.table.table.revision + 1
    stale, before = later.route("a.example"), told.route("a.example")
    assert [m.endpoint for m in stale.pool] == [m.endpoint for m in before.pool]
    assert {m.standing for m in stale.members} == {"stale"}
    assert {m.stale_since for m in stale.members} == {after(5)}
    assert [m.since for m in stale.members] == [m.since for m in before.members]
    assert [c.name for c in later.table.containers()] == ["api", "web"]


def test_host_that_lists_the_same_containers_makes_no_change() -> None:
    told = Told()
    told.put(WEB, API)
    later = restarted(told)
    later.put(API, WEB, event="listed")
    assert later.members("a.example") == {"edge/api": "stale", "edge/web": "stale"}
    later.table.listed("edge", later.now)
    assert later.settle() == []
    assert later.route("a.example") == told.route("a.example")
    assert later.wait(3600) == []


def test_remembered_containers_that_are_not_listed_are_gone_with_a_grace() -> None:
    told = Told()
    told.put(WEB, API)
    later = restarted(told)
    later.put(API)
    later.table.listed("edge", later.now)
    assert later.settle() == ["a.example changed: edge/web left the pool (draining): 1 of 2 left"]
    assert later.changes[-1].cause.event == "listed"
    later.wait(60)
    assert later.members("a.example") == {"edge/api": "up"}


def test_recreated_while_nobody_looked_takes_its_place() -> None:
    told = Told()
    told.put(WEB)
    later = restarted(told)
    later.table.put(replace(WEB, id="new"), CONFIGURATION, later.now)
    later.table.listed("edge", later.now)
    assert later.settle() == ["a.example changed: edge/web was recreated"]
    assert later.members("a.example") == {"edge/web": "up"}


def test_grace_goes_on_after_a_restart_once_the_host_is_listed() -> None:
    told = Told()
    told.put(WEB, GONE)
    told.remove(GONE)
    told.wait(30)
    later = restarted(told)
    assert later.wait(3600) == []
    assert later.members("b.example") == {"edge/gone": "gone"}
    later.put(WEB)
    later.table.listed("edge", later.now)
    assert later.wait(59) == []
    assert later.wait(1) == ["b.example removed: no longer served: edge/gone (removed)"]


def test_held_routes_stay_held() -> None:
    told = Told()
    many = [container(f"web-{n}", f"{n}.example") for n in range(5)]
    told.put(*many)
    told.remove(*many)
    told.wait(60)
    later = restarted(told, 100)
    later.table.listed("edge", later.now)
    assert later.settle() == []
    assert later.domains == told.domains
    assert later.table.deadline == after(660)
    assert len(later.wait(560)) == 5
    expired = restarted(told, 5000)
    assert len(expired.settle()) == 5
    assert {change.cause.event for change in expired.changes} == {"hold over"}


def test_remembered_host_without_containers_counts_as_known() -> None:
    told = Told()
    told.settle()
    assert restarted(told).table.table.complete


def test_host_never_heard_of_is_not_remembered() -> None:
    told = Told()
    told.place(place("new"))
    assert [each.name for each in told.table.snapshot().places] == ["edge"]


def test_revision_never_falls() -> None:
    told = Told()
    told.put(WEB)
    ahead = RouteTable(revision=100)
    ahead.restore(told.table.snapshot(), told.now)
    assert ahead.table.revision == 101


def test_other_forms_are_refused() -> None:
    text = msgspec.json.encode(Told().table.snapshot()).replace(b'"version":1', b'"version":2')
    with pytest.raises(msgspec.ValidationError, match="version"):
        msgspec.json.decode(text, type=Snapshot)


def test_who_is_remembered_of_a_host_that_was_not_wholly_listed_is_gone_if_not_listed_now() -> None:
    told = Told("core")
    told.table.place(place(), CONFIGURATION, told.now)
    told.put(WEB, API)
    later = restarted(told)
    later.put(API)
    assert not later.table.table.complete
    later.table.listed("edge", later.now)
    later.settle()
    later.wait(60)
    assert later.members("a.example") == {"edge/api": "up"}
