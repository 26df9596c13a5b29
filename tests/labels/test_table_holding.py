"""Mass removal: routes that would go with too many others are held."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from labels.facts import Facts
from labels.parsing.keys import Rules
from labels.routing.policy import TablePolicy
from tests.labels.telling import CONFIGURATION, Told, after, container, place

TEN = [container(f"web-{n}", f"{n}.example", port=8000 + n) for n in range(10)]


def web_label(number: int) -> dict[str, str]:
    return {"snadboy.revp.domain": f"other-{number}.example"}


def told_of(*containers: Facts, share: float = 0.5) -> Told:
    told = Told("edge", "core", policy=TablePolicy(mass_removal=share))
    told.put(*containers)
    return told


def test_host_whose_list_is_suddenly_empty_loses_no_route() -> None:
    told = told_of(*TEN)
    told.remove(*TEN, event="listed")
    assert len(told.domains) == 10
    said = told.wait(60)
    assert said[-1] == (
        "9.example changed: would be gone, with too many others; held until 12:11:00 UTC"
    )
    assert len(told.domains) == 10
    assert {route.held_until for route in told.table.table.routes} == {after(660)}
    assert {route.status for route in told.table.table.routes} == {"down"}
    (issue,) = told.table.table.issues
    assert issue.code == "mass-removal-held"
    assert "10 of them are held: 0.example, 1.example, 2.example and 7 more" in issue.message
    assert "2026-03-01 12:11:00 UTC" in issue.action


def test_held_routes_go_when_the_hold_is_over() -> None:
    told = told_of(*TEN)
    told.remove(*TEN)
    told.wait(659)
    assert len(told.domains) == 10
    assert told.wait(1)[-1] == "9.example removed: no longer served: edge/web-9 (removed)"
    assert told.changes[-1].cause.event == "hold over"
    assert told.table.table.issues == ()
    assert told.table.deadline is None


def test_held_route_is_as_before_when_its_container_is_back() -> None:
    told = told_of(*TEN)
    told.remove(*TEN)
    told.wait(120)
    assert told.put(replace(TEN[3], id="new")) == [
        "3.example changed: no longer held; edge/web-3 was recreated; edge/web-3 joined the pool: "
        "1 of 1 serves"
    ]
    assert told.route("3.example").held_until is None
    assert "9 of them" in told.table.table.issues[0].message
    told.wait(3600)
    assert told.domains == ["3.example"]


def test_what_happens_to_a_held_route_lets_it_stay() -> None:
    told = told_of(*TEN)
    told.remove(*TEN)
    told.wait(60)
    table = told.table.table
    assert told.put(replace(TEN[3], id="new", state="created")) == []
    assert told.table.table.routes == table.routes
    assert [waiting.domain for waiting in told.table.table.waiting] == ["3.example"]


def test_removals_spread_over_a_minute_are_one() -> None:
    told = told_of(*TEN)
    for facts in TEN[:8]:
        told.remove(facts)
        told.wait(2)
    told.wait(60)
    assert len(told.domains) == 10
    assert len([route for route in told.table.table.routes if route.held_until]) == 8


@pytest.mark.parametrize(("count", "left"), [(5, 5), (6, 10)])
def test_up_to_the_share_may_go(count: int, left: int) -> None:
    told = told_of(*TEN)
    told.remove(*TEN[:count])
    told.wait(60)
    assert len(told.domains) == left


def test_removals_further_apart_are_not_added_up() -> None:
    told = told_of(*TEN)
    for some in (TEN[:4], TEN[4:7], TEN[7:8]):
        told.remove(*some)
        told.wait(180)
    assert len(told.domains) == 2


def test_held_routes_are_no_reason_to_let_the_rest_go() -> None:
    """One host after the other loses all: of what the second has, all goes."""
    others = [replace(facts, host="core", labels=web_label(n)) for n, facts in enumerate(TEN[1:])]
    told = told_of(*TEN, *others)
    told.remove(*TEN, others[0])
    told.wait(180)
    assert len([route for route in told.table.table.routes if route.held_until]) == 11
    told.remove(*others[1:])
    told.wait(60)
    assert len(told.domains) == 19


def test_routes_of_a_host_out_of_reach_do_not_go_and_so_do_not_count() -> None:
    others = [replace(facts, host="core") for facts in TEN[5:]]
    told = told_of(*TEN[:5], *others)
    told.remove(*TEN[:5])
    told.place(place(stale_since=told.now))
    told.remove(others[0])
    told.wait(60)
    assert len(told.domains) == 9
    assert told.table.table.issues == ()


def test_fewer_than_three_may_always_go() -> None:
    told = told_of(*TEN[:2])
    told.remove(*TEN[:2])
    told.wait(60)
    assert told.domains == []


def test_share_of_zero_is_no_check() -> None:
    told = told_of(*TEN, share=0)
    told.remove(*TEN)
    told.wait(60)
    assert told.domains == []


def test_stopped_containers_count_and_their_wishes_wait() -> None:
    told = told_of(*TEN)
    told.put(*(replace(facts, state="exited") for facts in TEN))
    told.wait(60)
    assert len(told.domains) == 10
    assert len(told.table.table.waiting) == 10
    assert set(told.members("1.example").values()) == {"stopped"}


def test_those_that_vanish_without_grace_are_held_out_of_the_pool() -> None:
    told = told_of(*TEN)
    told.put(*(replace(facts, labels={}) for facts in TEN))
    assert {member for d in told.domains for member in told.members(d).values()} == {"gone"}


def test_configuration_takes_held_routes_away_at_once() -> None:
    told = told_of(*TEN, container("safe", "safe.example", host="core"))
    told.remove(*TEN)
    told.wait(60)
    assert len(told.domains) == 11
    told.table.forget("edge", CONFIGURATION, told.now)
    told.settle()
    assert told.domains == ["safe.example"]
    assert told.table.table.issues == ()
    assert told.table.deadline is None


def test_held_route_of_several_hosts_goes_when_none_of_them_is_configured() -> None:
    told = told_of(*TEN, *(replace(facts, host="core") for facts in TEN))
    told.remove(*TEN, *(replace(facts, host="core") for facts in TEN))
    told.wait(60)
    told.table.forget("edge", CONFIGURATION, told.now)
    told.settle()
    assert len(told.domains) == 10
    told.table.forget("core", CONFIGURATION, told.now)
    told.settle()
    assert told.domains == []


def test_nothing_is_held_any_longer_once_nothing_is_to_be() -> None:
    told = told_of(*TEN)
    told.remove(*TEN)
    told.wait(60)
    told.table.configure(Rules(), TablePolicy(mass_removal=0.9), CONFIGURATION, told.now)
    told.settle()
    assert len(told.domains) == 10
    told.table.configure(Rules(), TablePolicy(mass_removal=0), CONFIGURATION, told.now)
    told.settle()
    assert told.domains == []
    assert {change.cause.event for change in told.changes[-10:]} == {"configuration"}


def test_grace_and_hold_outlive_the_reach_of_the_host() -> None:
    told = told_of(*TEN)
    told.remove(*TEN)
    told.place(place(stale_since=told.now))
    told.wait(3600)
    assert {member for d in told.domains for member in told.members(d).values()} == {"gone"}
    assert all(route.held_until is None for route in told.table.table.routes)
    told.place(place())
    told.wait(60)
    assert all(route.held_until is not None for route in told.table.table.routes)
