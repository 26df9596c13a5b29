"""Where a proxy reaches a container: found for certain, or told what could have been meant."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from labels.facts import Facts, Place, Published
from labels.model import Wish
from labels.routing.endpoints import resolve

EDGE = Place(name="edge", address="10.0.0.5")
HERE = Place(name="here", address="127.0.0.1", local=True)
WEB = Facts(host="edge", id="1", name="web", identity="name:web", labels={}, state="running")
WISH = Wish(domain="a.example", port=80)


def found(*ports: Published, place: Place | None = EDGE, wish: Wish = WISH, **facts: object) -> str:
    """The endpoint, or nothing."""
    resolution = resolve(replace(WEB, ports=ports, **facts), place, wish)
    assert (resolution.issue is None) == (resolution.endpoint is not None)
    assert [step.taken for step in resolution.trace].count(True) == (resolution.issue is None)
    return resolution.endpoint.authority if resolution.endpoint else ""


def said(*ports: Published, place: Place | None = EDGE, **facts: object) -> tuple[str, str | None]:
    """What the issue says, and what it suggests."""
    issue = resolve(replace(WEB, ports=ports, **facts), place, WISH).issue
    assert issue is not None
    assert (issue.code, issue.severity, issue.host) == ("no-endpoint", "error", "edge")
    return issue.message.partition(": ")[2], issue.suggestion


def at(host_port: int | None, host_ip: str = "", port: int = 80, tcp: bool = True) -> Published:
    protocol = "tcp" if tcp else "udp"
    return Published(container_port=port, protocol=protocol, host_ip=host_ip, host_port=host_port)


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::"])  # noqa: S104 - read, not bound to
def test_published_on_all_addresses_is_reached_at_the_hosts(address: str) -> None:
    assert found(at(8080, address)) == "10.0.0.5:8080"


def test_published_on_one_address_is_reached_there() -> None:
    assert found(at(8080, "192.0.2.7")) == "192.0.2.7:8080"
    assert found(at(8080, "fd00::7")) == "[fd00::7]:8080"


def test_loopback_is_reached_by_proxies_of_the_same_machine_only() -> None:
    assert found(at(8080, "127.0.0.2"), place=HERE) == "127.0.0.2:8080"
    assert found(at(8080, "::1"), place=HERE) == "[::1]:8080"
    why, suggestion = said(at(8080, "127.0.0.1"), at(8080, "::1"))
    assert "published on 127.0.0.1 and [::1] only: loopback of edge" in why
    assert suggestion is None


def test_all_addresses_come_before_one_and_that_before_loopback() -> None:
    bindings = [at(1, "127.0.0.1"), at(2, "192.0.2.7"), at(3)]
    assert found(*bindings, place=HERE) == "127.0.0.1:3"
    assert found(*bindings[:2], place=HERE) == "192.0.2.7:2"


def test_binding_of_the_hosts_own_family_comes_first_in_any_order() -> None:
    bindings = [at(32768, "::"), at(32769, "0.0.0.0")]  # noqa: S104 - read, not bound to
    six = replace(EDGE, address="fd00::5")
    for order in (bindings, bindings[::-1]):
        assert found(*order) == "10.0.0.5:32769"
        assert found(*order, place=six) == "[fd00::5]:32768"


def test_least_port_of_several_is_taken_in_any_order() -> None:
    assert found(at(8081), at(8080)) == found(at(8080), at(8081)) == "10.0.0.5:8080"


def test_host_network_is_reached_at_the_port_itself() -> None:
    assert found(host_network=True) == "10.0.0.5:80"
    why, _ = said(host_network=True, place=None)
    assert why == "no address of the host edge is known."


def test_named_backend_host_comes_before_all_else() -> None:
    wish = replace(WISH, backend_host="nas.lan")
    assert found(at(8080), wish=wish) == "nas.lan:80"
    assert found(wish=wish, place=None, host_network=True) == "nas.lan:80"


def test_container_is_reached_directly_only_where_that_is_configured() -> None:
    direct = replace(EDGE, container_ip=True)
    assert found(addresses=("172.18.0.2", "fd01::2"), place=direct) == "172.18.0.2:80"
    assert found(at(8080), addresses=("172.18.0.2",), place=direct) == "10.0.0.5:8080"
    assert found(place=direct) == ""
    assert found(addresses=("172.18.0.2",)) == ""


def test_what_is_published_is_named_and_the_only_port_is_suggested() -> None:
    why, suggestion = said(at(9000, port=8080), at(None))
    assert why.startswith("8080 is published, 80 is not; ")
    assert suggestion == "8080"


def test_port_of_the_host_in_place_of_the_containers_is_recognized() -> None:
    why, suggestion = said(at(80, port=3000), at(81, port=3001))
    assert why.startswith("3000 and 3001 are published, 80 is not; ")
    assert suggestion == "3000"


def test_nothing_is_suggested_where_several_could_be_meant() -> None:
    ports = [at(9000 + n, port=n) for n in range(1, 9)]
    why, suggestion = said(*ports)
    assert why.startswith("1, 2, 3, 4, 5 and 3 more are published, 80 is not; ")
    assert suggestion is None


def test_other_protocols_and_no_ports_at_all_are_told_apart() -> None:
    assert said(at(8080, tcp=False))[0].startswith("80 is published, but not for TCP; ")
    assert said()[0].startswith("80/tcp is not published, nor is any other port; ")


def test_unknown_host_has_no_address() -> None:
    why, suggestion = said(at(8080), place=None)
    assert why.startswith("no address of the host edge is known; ")
    assert suggestion is None
