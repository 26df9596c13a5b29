"""What the table of routes is told of hosts and containers, and when; by trio's own clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import trio

from config.models import Host, LocalHost, Route, SshHost, TcpHost
from fleet.model import Compose, Container, ContainerHealth, HostState, Network, Port
from fleet.revp.causes import LONGEST, MOST, Causes
from fleet.revp.facts import facts_of, place_of, static_routes
from fleet.revp.hosts import CONFIGURATION, JOINING, LISTING, RoutedHosts
from fleet.tracker import Tracker
from labels.model import Change
from labels.routing.steps import finish
from labels.routing.table import RouteTable
from tests.fleet.values import NOON, container, event

STATIC = [Route(domain="nas.example.com", backend_url="http://10.0.0.9")]


class Told:
    """A tracker, and a table that is told of it."""

    def __init__(self, *hosts: Host, wait: float = 600.0) -> None:
        self.tracker = Tracker()
        self.hosts = RoutedHosts(self.tracker)
        self.table = RouteTable()
        self.tracker.listen(self._hear)
        self.heard = False
        self.want(*hosts, wait=wait)

    def _hear(self, change: Any) -> None:
        self.heard = self.hosts.hear(change) or self.heard

    def want(self, *hosts: Host, wait: float = 600.0) -> None:
        self.hosts.want({host.name: host for host in hosts}, wait)

    def begin(self, *names: str) -> None:
        """Connect to hosts, whose lists are still to come."""
        for name in names:
            self.tracker.add_host(name)

    def up(self, name: str) -> None:
        """All containers of a host have been listed."""
        self.tracker.update_host(name, status="up", listed=True, stale_since=None)

    def put(self, *containers: Container) -> None:
        for one in containers:
            self.tracker.put_container(one)

    def settle(self) -> Sequence[Change]:
        """Tell the table, and what changed by that."""
        finish(self.hosts.telling(self.table, NOON))
        return self.table.settle(NOON)

    @property
    def routes(self) -> dict[str, list[str]]:
        """Who stands behind each domain, and how."""
        return {
            r.domain: [f"{m.name} {m.standing}" for m in r.members] for r in self.table.table.routes
        }


def local(name: str = "a", **fields: Any) -> LocalHost:
    return LocalHost(name=name, **fields)


def web(number: int = 0, host: str = "a", **fields: Any) -> Container:
    known: dict[str, Any] = {
        "host": host,
        "name": f"web-{number}",
        "identity": f"name:web-{number}",
        "labels": {"snadboy.revp.80.domain": f"web-{number}.example.com"},
        "network_mode": "host",
    }
    return container(f"{number:064}", **(known | fields))


async def test_a_list_is_told_as_a_whole() -> None:
    told = Told(local())
    told.begin("a")
    told.put(*map(web, range(1000)))
    assert told.settle() == ()
    assert not told.table.table.complete
    told.up("a")
    changes = told.settle()
    assert len(changes) == 1000
    assert {change.revision for change in changes} == {told.table.table.revision}
    assert {change.cause.event for change in changes} == {"listed"}
    assert told.table.table.complete


async def test_a_list_that_takes_long_is_told_in_parts(
    autojump_clock: Any,  # noqa: ARG001
) -> None:
    told = Told(local())
    told.begin("a")
    told.put(web())
    told.settle()
    assert told.hosts.deadline == trio.current_time() + LISTING
    await trio.sleep_until(told.hosts.deadline)
    told.settle()
    assert told.routes == {"web-0.example.com": ["a/web-0 up"]}
    assert not told.table.table.complete


async def test_news_of_a_host_that_is_up_is_told_at_once_and_bursts_as_one() -> None:
    told = Told(local())
    told.begin("a")
    told.up("a")
    told.settle()
    told.put(web())
    told.tracker.put_event(event(1, "start", actor_id=f"{0:064}"))
    told.put(web(state="paused"))
    told.tracker.put_event(event(2, "pause", actor_id=f"{0:064}"))
    (change,) = told.settle()
    assert change.cause.event == "pause"
    assert told.routes == {"web-0.example.com": ["a/web-0 paused"]}
    assert told.settle() == ()
    told.tracker.put_event(event(3, "destroy", actor_id=f"{0:064}"))
    told.tracker.remove_container("a", f"{0:064}")
    (change,) = told.settle()
    assert change.cause.event == "destroy"


async def test_a_ping_is_no_news() -> None:
    told = Told(local())
    told.begin("a")
    told.up("a")
    told.settle()
    told.heard = False
    told.tracker.update_host("a", last_seen=NOON, response_seconds=0.1)
    assert not told.heard


async def test_a_host_out_of_reach_is_stale_and_what_went_meanwhile_goes_with_its_list() -> None:
    told = Told(local())
    told.begin("a")
    told.put(web(0), web(1))
    told.up("a")
    told.settle()
    told.tracker.update_host("a", status="down", stale_since=NOON)
    told.settle()
    assert told.routes["web-0.example.com"] == ["a/web-0 stale"]
    told.tracker.keep_only("a", [f"{1:064}"])
    assert told.settle() == (), "the list is not whole yet"
    told.up("a")
    (change,) = told.settle()
    assert (change.domain, change.cause.event) == ("web-0.example.com", "listed")
    assert told.routes["web-1.example.com"] == ["a/web-1 up"]


async def test_who_is_listed_and_cannot_be_inspected_stays_as_it_is_remembered(
    autojump_clock: Any,  # noqa: ARG001
) -> None:
    before = Told(local())
    before.begin("a")
    before.put(web(0), web(1))
    before.up("a")
    before.settle()
    told = Told(local())
    told.table.restore(before.table.snapshot(), NOON)
    told.begin("a")
    told.tracker.keep_only("a", [f"{0:064}", f"{1:064}"])
    told.put(web(0))  # and the other one's inspect hangs
    told.up("a")
    assert told.settle() == ()
    assert told.routes["web-1.example.com"] == ["a/web-1 up"]
    told.tracker.keep_only("a", [f"{0:064}"])
    await trio.sleep_until(told.hosts.deadline)
    (change,) = told.settle()
    assert (change.domain, change.cause.event) == ("web-1.example.com", "listed")
    assert told.hosts.deadline == float("inf")


async def test_what_happens_while_the_table_is_told_waits_for_its_next_turn() -> None:
    told = Told(local(), local("b"))
    told.begin("a", "b")
    told.put(*map(web, range(4)), *(web(number, "b") for number in range(4, 8)))
    told.up("a")
    told.up("b")
    telling = told.hosts.telling(told.table, NOON)
    while web(1).id not in {one.id for one in told.table.containers()}:
        next(telling)
    told.tracker.remove_container("a", web(3).id)
    told.tracker.remove_host("b")
    told.want(local(), local("b"))
    told.begin("b")
    finish(telling)
    settling = told.table.settling(NOON)
    before = told.table.table
    for _ in settling:
        assert told.table.table is before
    found = told.table.table
    assert (found.complete, found.missing) == (False, ("b",)), "it was not listed as it is now"
    assert told.routes.keys() == {f"web-{number}.example.com" for number in range(3)}
    told.up("b")
    told.settle()
    assert told.table.table.complete
    assert told.routes.keys() == {f"web-{number}.example.com" for number in range(3)}


async def test_a_host_that_left_takes_its_routes_along_and_no_news_of_it_counts() -> None:
    told = Told(local(), local("b"))
    told.begin("a", "b")
    told.put(web(0), web(1, "b"))
    for name in ("a", "b"):
        told.up(name)
    told.settle()
    told.want(local("b"), local(enabled=False))
    (change,) = told.settle()
    assert (change.kind, change.cause.event) == ("removed", "configuration")
    told.put(web(2))
    told.tracker.remove_host("a")
    told.settle()
    assert told.routes == {"web-1.example.com": ["b/web-1 up"]}


async def test_a_host_that_is_back_in_the_file_at_once_has_its_routes_again() -> None:
    told = Told(local())
    told.begin("a")
    told.put(web())
    told.up("a")
    told.settle()
    told.want()
    told.want(local())  # before anybody was disconnected
    told.settle()
    assert told.routes == {"web-0.example.com": ["a/web-0 up"]}
    told.want()
    told.want(local())
    told.tracker.remove_host("a")  # what the first change asked for comes late
    told.settle()
    assert told.routes == {}
    told.begin("a")
    told.put(web())
    told.up("a")
    told.settle()
    assert told.routes == {"web-0.example.com": ["a/web-0 up"]}


async def test_a_host_that_is_back_at_once_and_not_there_is_waited_for_no_longer_than_others(
    autojump_clock: Any,  # noqa: ARG001
) -> None:
    told = Told(local(), local("b"), wait=60)
    told.begin("a", "b")
    told.put(web())
    told.up("a")
    told.settle()
    assert not told.table.table.complete
    told.want(local(), wait=60)
    told.want(local(), local("b"), wait=60)
    told.tracker.remove_host("b")
    told.begin("b")
    told.settle()
    assert (told.table.table.complete, told.table.table.missing) == (False, ("b",))
    await trio.sleep(60)
    told.settle()
    assert (told.table.table.complete, told.table.table.missing) == (True, ("b",))


async def test_a_host_that_gets_another_name_keeps_its_routes() -> None:
    told = Told(local())
    told.begin("a")
    told.put(web())
    told.up("a")
    told.settle()
    told.want(local("b"))
    told.tracker.remove_host("a")
    told.begin("b")
    assert told.settle() == ()
    assert told.routes == {"web-0.example.com": ["a/web-0 up"]}
    told.put(web(host="b"))
    told.up("b")
    (change,) = told.settle()
    assert change.kind == "changed"
    assert told.routes == {"web-0.example.com": ["b/web-0 up"]}


async def test_a_host_that_leaves_waits_for_a_new_one_no_longer_than_a_moment(
    autojump_clock: Any,  # noqa: ARG001
) -> None:
    told = Told(local())
    told.begin("a")
    told.put(web())
    told.up("a")
    told.settle()
    told.want(local("b"))
    told.settle()
    assert told.hosts.deadline == trio.current_time() + JOINING
    await trio.sleep_until(told.hosts.deadline)
    told.settle()
    assert told.routes == {}


async def test_a_host_that_is_not_heard_of_is_given_up(
    autojump_clock: Any,  # noqa: ARG001
) -> None:
    told = Told(local(), wait=120)
    told.begin("a")
    told.table.static(static_routes(STATIC, {}), CONFIGURATION, NOON)
    told.settle()
    assert told.hosts.deadline == trio.current_time() + 120
    assert (told.table.table.complete, told.table.table.missing) == (False, ("a",))
    await trio.sleep_until(told.hosts.deadline)
    told.settle()
    assert (told.table.table.complete, told.table.table.missing) == (True, ("a",))
    assert told.hosts.deadline == float("inf")


async def test_a_new_table_is_told_everything() -> None:
    told = Told(local())
    told.begin("a")
    told.put(web())
    told.up("a")
    told.settle()
    told.table = RouteTable()
    told.hosts.again()
    told.settle()
    assert told.routes == {"web-0.example.com": ["a/web-0 up"]}


async def test_a_container_in_the_network_of_another_is_found_by_the_ports_of_that() -> None:
    told = Told(local())
    told.begin("a")
    told.up("a")
    vpn, port = "f" * 64, Port(container_port=80, protocol="tcp", host_ip="", host_port=8080)
    told.put(web(0, network_mode=f"container:{vpn}"), web(1, network_mode="container:vpn"))
    told.settle()
    assert told.routes["web-0.example.com"] == ["a/web-0 unreachable"]
    told.put(container(vpn, name="vpn", ports=(port,)))
    told.settle()
    assert told.routes["web-0.example.com"] == ["a/web-0 up"]
    assert told.routes["web-1.example.com"] == ["a/web-1 up"]
    endpoints = {m.endpoint and m.endpoint.port for r in told.table.table.routes for m in r.pool}
    assert endpoints == {8080}
    told.tracker.remove_container("a", vpn)
    told.settle()
    assert told.routes["web-0.example.com"] == ["a/web-0 unreachable"]


@pytest.mark.parametrize(
    ("words", "state", "cause"),
    [
        (("kill", "die", "stop"), "exited", "die"),
        (("kill",), "exited", "die"),  # the inspect was faster than the event
        (("kill",), "running", "listed"),
        (("health_status: unhealthy", "kill"), "running", "health_status: unhealthy"),
        (("die", "start", "restart"), "running", "start"),
        (("init",), "running", "start"),
        (("exec_create: sh", "attach"), "running", "listed"),
        ((), "running", "listed"),
    ],
)
def test_the_last_telling_event_is_the_cause(words: Sequence[str], state: str, cause: str) -> None:
    causes = Causes()
    for number, word in enumerate(words):
        causes.hear(event(number, word), 0.0)
    assert causes.of(container(state=state), 1.0).event == cause
    assert causes.of(container(state=state), 1.0).event == "listed", "it explains one change"


def test_networks_are_told_of_by_their_own_events() -> None:
    causes = Causes()
    attributes = {"container": "c" * 64}
    joined = event(1, "connect", type="network", actor_id="n" * 64, attributes=attributes)
    causes.hear(joined, 0.0)
    assert causes.of(container(), 1.0).event == "network connect"


def test_an_event_explains_nothing_for_ever_and_few_are_kept() -> None:
    causes = Causes()
    causes.hear(event(1, "start"), 0.0)
    assert causes.of(container(), LONGEST + 1).event == "listed"
    for number in range(MOST + 1):
        causes.hear(event(number, "start", actor_id=f"{number:064}"), 0.0)
    assert causes.of(container(f"{0:064}"), 0.0).event == "listed"
    assert causes.of(container(f"{MOST:064}"), 0.0).event == "start"
    causes.forget("a")
    assert causes.of(container(f"{1:064}"), 0.0).event == "listed"


def test_a_container_as_a_backend() -> None:
    facts = facts_of(
        container(
            health=ContainerHealth(status="unhealthy", source="state"),
            compose=Compose(project="p", service="s"),
            ports=(Port(container_port=80, protocol="tcp", host_ip="10.1.1.1", host_port=8080),),
            networks=(
                Network(name="bridge", ip_address="172.17.0.2"),
                Network(name="shop", ip_address="172.18.0.2", ipv6_address="fd00::2"),
            ),
        )
    )
    assert facts.addresses == ("172.18.0.2", "172.17.0.2", "fd00::2")
    assert facts.health == "none", "no check of its own said so"
    assert not facts.host_network
    assert [(port.host_ip, port.host_port) for port in facts.ports] == [("10.1.1.1", 8080)]
    checked = container(health=ContainerHealth(status="unhealthy", source="healthcheck"))
    assert facts_of(checked).health == "unhealthy"
    assert facts_of(web()).host_network


@pytest.mark.parametrize(
    ("host", "address", "here"),
    [
        (LocalHost(name="a"), "127.0.0.1", True),
        (LocalHost(name="a", route_address="10.0.0.5"), "10.0.0.5", False),
        (SshHost(name="a", address="edge.lan"), "edge.lan", False),
        (SshHost(name="a", address="edge.lan", route_address="10.0.0.6"), "10.0.0.6", False),
        (TcpHost(name="a", address="::1"), "::1", True),
    ],
)
def test_where_proxies_reach_a_host(host: Host, address: str, here: bool) -> None:
    place = place_of(host, None)
    assert (place.address, place.local, place.stale_since) == (address, here, None)
    away = HostState(name="a", status="down", since=NOON, stale_since=NOON)
    assert place_of(host, away).stale_since == NOON


@pytest.mark.parametrize(("said", "one_off"), [("True", True), ("False", False)])
def test_container_of_compose_run_is_told_as_one_for_one_command(said: str, one_off: bool) -> None:
    facts = facts_of(container(labels={"com.docker.compose.oneoff": said}))
    assert facts.one_off is one_off


def test_static_routes_are_told_with_what_is_wrong_with_their_names() -> None:
    routes = (
        Route(domain="NAS.example.com", backend_url="https://nas.lan", insecure_skip_verify=True),
        Route(domain="x.example.com", backend_url="http://[fd00::5]:81", path="/x", weight=0),
    )
    nas, six = static_routes(routes, {"nas.lan": "the name is not found"})
    assert (nas.domain, nas.address, nas.port) == ("nas.example.com", "nas.lan", 443)
    assert (nas.settings.scheme, nas.settings.insecure_skip_verify) == ("https", True)
    assert nas.problem == "the name is not found"
    assert (six.path, six.address, six.port) == ("/x", "fd00::5", 81)
    assert (six.weight, six.problem) == (0, "")
