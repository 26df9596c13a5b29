"""What becomes of containers in the table of routes, one event after the other."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from labels.facts import StaticRoute
from labels.model import Settings
from labels.parsing.keys import Rules
from labels.routing.policy import TablePolicy
from tests.labels.telling import CONFIGURATION, START, Told, after, container, place

WEB_1 = container("web-1", "a.example")
WEB_2 = container("web-2", "a.example", port=8081)


def test_containers_of_equal_settings_make_one_pool_over_hosts() -> None:
    told = Told("edge", "core")
    other = container("web-3", "a.example", host="core")
    said = told.put(WEB_2, other, WEB_1)
    assert said == [
        "a.example added: served by core/web-3 at 10.0.0.6:8080, edge/web-1 at 10.0.0.5:8080 "
        "and edge/web-2 at 10.0.0.5:8081"
    ]
    route = told.route("a.example")
    assert [member.name for member in route.pool] == ["core/web-3", "edge/web-1", "edge/web-2"]
    assert route.status == "up"
    assert told.table.table.complete


def test_one_that_is_unhealthy_leaves_the_pool_and_joins_it_again() -> None:
    told = Told()
    told.put(WEB_1, WEB_2)
    sick = replace(WEB_1, health="unhealthy")
    assert told.put(sick) == [
        "a.example changed: edge/web-1 left the pool (unhealthy): 1 of 2 left"
    ]
    assert told.route("a.example").status == "degraded"
    change = told.changes[-1]
    assert change.before == ("edge/web-1 10.0.0.5:8080", "edge/web-2 10.0.0.5:8081")
    assert change.after == ("edge/web-2 10.0.0.5:8081",)
    assert (change.cause.event, change.cause.container) == ("start", "web-1")
    assert told.put(WEB_1) == ["a.example changed: edge/web-1 joined the pool: 2 of 2 serve"]


def test_route_stays_without_a_pool_while_its_container_starts() -> None:
    told = Told()
    told.put(replace(WEB_1, health="starting"))
    assert told.members("a.example") == {"edge/web-1": "starting"}
    assert (told.route("a.example").pool, told.route("a.example").status) == ((), "down")
    told.put(replace(WEB_1, state="paused"))
    assert told.members("a.example") == {"edge/web-1": "paused"}


def test_one_that_ends_is_drained_then_stopped_and_waits_after_its_grace() -> None:
    told = Told()
    told.put(WEB_1)
    assert told.put(replace(WEB_1, state="exited", ports=()), event="die") == [
        "a.example changed: edge/web-1 left the pool (draining): 0 of 1 left"
    ]
    assert told.member("a.example").endpoint is not None
    due = told.table.deadline
    assert due == after(10)
    assert told.wait(10) == ["a.example changed: edge/web-1 is stopped"]
    assert told.wait(50) == ["a.example removed: no longer served: edge/web-1 (stopped)"]
    assert told.changes[-1].cause.event == "recreate grace over"
    assert told.changes[-1].cause.container == "web-1"
    (waiting,) = told.table.table.waiting
    assert (waiting.domain, waiting.reason) == ("a.example", "it does not run (exited)")
    assert told.outcomes() == {"edge/web-1": "waiting"}
    assert told.table.deadline is None
    assert told.remove(WEB_1) == []
    assert told.table.table.waiting == ()
    assert told.outcomes() == {}


def test_grace_of_one_that_waits_does_not_begin_again() -> None:
    told = Told()
    told.put(WEB_1)
    told.put(replace(WEB_1, state="exited"))
    told.wait(60)
    told.place(place(stale_since=told.now))
    told.place(place())
    assert told.domains == []
    told.remove(WEB_1)
    assert told.table.deadline is None


def test_one_never_started_waits() -> None:
    told = Told()
    assert told.put(replace(WEB_1, state="created")) == []
    assert [each.reason for each in told.table.table.waiting] == ["it was never started"]


def test_one_that_was_stopped_before_anyone_looked_waits_at_once() -> None:
    told = Told()
    assert told.put(replace(WEB_1, state="exited")) == []
    assert [each.member.standing for each in told.table.table.waiting] == ["stopped"]


def test_recreated_container_takes_its_place_in_one_change() -> None:
    told = Told()
    told.put(WEB_1)
    told.remove(WEB_1)
    assert told.members("a.example") == {"edge/web-1": "draining"}
    told.wait(30)
    assert told.members("a.example") == {"edge/web-1": "gone"}
    revision = told.table.table.revision
    said = told.put(replace(WEB_1, id="new"))
    assert said == [
        "a.example changed: edge/web-1 was recreated; edge/web-1 joined the pool: 1 of 1 serves"
    ]
    assert told.table.table.revision == revision + 1
    assert told.member("a.example").container_id == "new"
    assert told.wait(600) == []


def test_new_one_that_waits_to_be_started_takes_no_place_yet() -> None:
    told = Told()
    told.put(WEB_1)
    told.put(replace(WEB_1, id="new", name="tmp_web-1", state="created"))
    assert [member.container_id for member in told.route("a.example").pool] == ["id-web-1"]
    told.remove(WEB_1)
    assert told.members("a.example") == {"edge/web-1": "draining"}
    told.put(replace(WEB_1, id="new"))
    assert told.members("a.example") == {"edge/web-1": "up"}
    assert told.table.table.waiting == ()


def test_stopped_one_whose_heir_runs_makes_way_for_good() -> None:
    told = Told()
    told.put(WEB_1)
    told.put(replace(WEB_1, state="exited", name="old_web-1"), replace(WEB_1, id="new"))
    assert told.members("a.example") == {"edge/web-1": "up"}
    assert told.outcomes() == {"edge/old_web-1": "waiting", "edge/web-1": "served"}
    told.remove(replace(WEB_1, id="new"))
    assert told.members("a.example") == {"edge/web-1": "draining"}


def test_heir_without_labels_takes_the_route_away() -> None:
    told = Told()
    told.put(WEB_1)
    told.remove(WEB_1)
    plain = container("web-1", id="new")
    assert told.put(plain) == ["a.example removed: no longer served: edge/web-1 (draining)"]
    assert told.table.containers() == ()


def test_container_for_one_command_takes_no_part_in_what_its_service_serves() -> None:
    told = Told()
    told.put(WEB_1)
    command = replace(WEB_1, id="run", name="web-run", one_off=True)
    assert told.put(command) == []
    assert told.outcomes() == {"edge/web-1": "served", "edge/web-run": ""}
    assert [(issue.code, issue.container) for issue in told.table.table.issues] == [
        ("one-off", "web-run")
    ]
    told.put(replace(WEB_1, state="exited"))
    assert told.members("a.example") == {"edge/web-1": "draining"}, "it is no heir"
    told.put(WEB_1)
    assert told.remove(command) == []
    assert told.table.table.issues == ()


def test_hosts_out_of_reach_keep_their_endpoints_and_that_is_no_change_of_a_route() -> None:
    told = Told()
    told.put(WEB_1)
    revision, since = told.table.table.revision, told.member("a.example").since
    told.wait(100)
    assert told.place(place(stale_since=after(90))) == []
    member = told.member("a.example")
    assert (member.standing, member.stale_since, member.since) == ("stale", after(90), since)
    assert member.serving
    assert told.table.table.revision == revision + 1
    assert told.place(place()) == []
    assert told.member("a.example").standing == "up"
    assert told.member("a.example").since == since


def test_grace_stands_still_while_the_host_is_out_of_reach() -> None:
    told = Told()
    told.put(WEB_1)
    told.remove(WEB_1)
    told.place(place(stale_since=told.now))
    assert told.wait(3600)[1:] == []
    assert told.members("a.example") == {"edge/web-1": "gone"}
    told.place(place())
    assert told.wait(59) == []
    assert told.wait(1) == ["a.example removed: no longer served: edge/web-1 (removed)"]


def test_host_that_moved_is_reached_elsewhere() -> None:
    told = Told()
    told.put(WEB_1)
    assert told.place(place(address="10.0.0.9")) == [
        "a.example changed: edge/web-1 is at 10.0.0.9:8080, not 10.0.0.5:8080"
    ]


def test_unreachable_port_is_an_issue_and_answers_503() -> None:
    told = Told()
    told.put(container("web", "a.example", backend_port="81"))
    assert told.members("a.example") == {"edge/web": "unreachable"}
    (issue,) = told.table.table.issues
    assert (issue.code, issue.suggestion) == ("no-endpoint", "80")
    (known,) = told.table.containers()
    (wish,) = known.wishes
    assert (wish.outcome, wish.reason) == ("dropped", issue.message)
    told.put(container("web", "a.example"))
    assert told.table.table.issues == ()


def test_issues_go_with_their_container() -> None:
    told = Told()
    web = container("web", "a.example", weigth="3", backend_port="81")
    told.put(web)
    assert {issue.code for issue in told.table.table.issues} == {"unknown-label", "no-endpoint"}
    told.remove(web)
    assert told.table.table.issues == ()


def test_weight_zero_is_known_but_gets_no_requests() -> None:
    told = Told()
    told.put(WEB_1, container("web-2", "a.example", weight="0"))
    assert told.members("a.example") == {"edge/web-1": "up", "edge/web-2": "off"}
    assert told.route("a.example").status == "up"


def test_unchanged_routes_and_tables_are_the_same_objects() -> None:
    told = Told()
    told.put(WEB_1, container("other", "b.example"))
    before, table = told.route("b.example"), told.table.table
    assert told.put(WEB_1) == []
    assert told.table.table is table
    told.put(replace(WEB_1, health="unhealthy"))
    assert told.route("b.example") is before
    assert told.table.table.revision == table.revision + 1


def test_renamed_container_keeps_its_membership() -> None:
    told = Told()
    told.put(WEB_1)
    assert told.put(replace(WEB_1, name="www")) == ["a.example changed: edge/web-1 is now edge/www"]


def test_changed_labels_are_read_anew() -> None:
    told = Told()
    told.put(container("web", "a.example"))
    said = told.put(container("web", "b.example"))
    assert said[0] == "a.example removed: no longer served: edge/web (up)"
    assert told.domains == ["b.example"]


def test_host_that_left_the_configuration_takes_its_routes_with_it_at_once() -> None:
    told = Told("edge", "core")
    told.put(*(container(f"web-{n}", f"{n}.example") for n in range(5)))
    told.table.forget("edge", CONFIGURATION, told.now)
    assert len(told.settle()) == 5
    assert told.domains == []
    assert [each.name for each in told.table.snapshot().places] == ["core"]
    assert told.table.snapshot().containers == ()


def test_table_is_incomplete_until_all_hosts_were_heard_of_or_waited_for() -> None:
    told = Told("edge")
    told.settle()
    assert told.table.table.complete
    fresh = Told("edge")
    fresh.table.place(place("late"), CONFIGURATION, START)
    fresh.put(WEB_1)
    assert (fresh.table.table.complete, fresh.table.table.missing) == (False, ("late",))
    fresh.table.give_up("late", START)
    fresh.settle()
    assert (fresh.table.table.complete, fresh.table.table.missing) == (True, ("late",))
    fresh.table.listed("late", START)
    fresh.settle()
    assert fresh.table.table.missing == ()


def test_host_that_is_added_later_does_not_make_the_table_incomplete() -> None:
    told = Told("edge")
    told.put(WEB_1)
    told.place(place("new"))
    assert (told.table.table.complete, told.table.table.missing) == (True, ("new",))


def test_no_routes_at_all_are_believed_only_if_no_host_is_missing() -> None:
    told = Told("edge")
    told.settle()
    assert told.table.table.complete, "it has none"
    told.place(place("late"))
    assert (told.table.table.complete, told.table.table.missing) == (False, ("late",))
    told.table.give_up("late", told.now)
    told.settle()
    # An empty document takes all away.
    assert (told.table.table.complete, told.table.table.missing) == (False, ("late",))
    told.put(WEB_1)
    assert (told.table.table.complete, told.table.table.missing) == (True, ("late",))
    told.table.forget("edge", CONFIGURATION, told.now)
    told.settle()
    assert (told.table.table.complete, told.table.table.missing) == (False, ("late",))
    told.table.forget("late", CONFIGURATION, told.now)
    told.settle()
    assert told.table.table.complete, "no host, no routes"


def test_static_routes_join_pools_and_go_at_once() -> None:
    told = Told()
    told.put(WEB_1)
    static = StaticRoute(domain="a.example", address="nas.lan", port=5000)
    told.table.static([static], CONFIGURATION, told.now)
    assert told.settle() == ["a.example changed: nas.lan:5000 joined the pool: 2 of 2 serve"]
    told.table.static([replace(static, problem="no such name")], CONFIGURATION, told.now)
    assert told.settle() == []
    (issue,) = told.table.table.issues
    assert (issue.code, issue.severity) == ("static-unreachable", "warning")
    assert len(told.route("a.example").pool) == 2, "the operator's word counts"
    told.table.static([], CONFIGURATION, told.now)
    assert told.settle() == ["a.example changed: nas.lan:5000 left the pool: 1 of 1 left"]
    assert told.table.table.issues == ()


def test_static_routes_alone_may_all_go() -> None:
    told = Told()
    statics = [StaticRoute(domain=f"{n}.example", address="nas.lan", port=n) for n in range(1, 9)]
    told.table.static(statics, CONFIGURATION, told.now)
    told.settle()
    told.table.static([], CONFIGURATION, told.now)
    assert len(told.settle()) == 8
    assert told.domains == []


def test_new_static_route_is_no_change_of_those_behind_it_in_the_file() -> None:
    told = Told()
    old = [
        StaticRoute(domain="a.example", path=path, address="nas.lan", port=80, problem="no name")
        for path in ("/", "/api", "/")
    ]
    told.table.static(old, CONFIGURATION, told.now)
    assert len(told.settle()) == 2
    before = told.table.table
    assert len({member.id for route in before.routes for member in route.members}) == 3
    told.now = after(60)
    new = StaticRoute(domain="new.example", address="nas.lan", port=80)
    told.table.static([new, *old], CONFIGURATION, told.now)
    told.settle()
    assert [change.domain for change in told.changes[2:]] == ["new.example"]
    assert told.table.table.routes[:2] == before.routes
    assert len(told.table.table.issues) == 3


def test_other_rules_and_times_hold_from_now_on() -> None:
    told = Told()
    told.put(WEB_1)
    rules, policy = Rules(https=False, redirect_https=False), TablePolicy(recreate_grace=5, drain=0)
    told.table.configure(rules, policy, CONFIGURATION, told.now)
    assert told.settle() == ["a.example changed: on other terms: https and redirect-https"]
    assert told.route("a.example").settings == Settings(https=False, redirect_https=False)
    told.remove(WEB_1)
    assert told.wait(5)[-1] == "a.example removed: no longer served: edge/web-1 (removed)"


@pytest.mark.parametrize("prefix", ["other", "snadboy.other"])
def test_another_prefix_leaves_nothing_of_the_old_one(prefix: str) -> None:
    told = Told()
    told.put(*(container(f"web-{n}", f"{n}.example") for n in range(5)))
    told.table.configure(Rules(prefix=prefix), TablePolicy(), CONFIGURATION, told.now)
    assert len(told.settle()) == 5
    assert told.table.containers() == ()
