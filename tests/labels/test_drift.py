from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.drift.caddy import read_caddy
from labels.drift.comparing import Drift, DriftError, ProxyKind, Reading, Served, compare
from labels.drift.haproxy import read_haproxy, read_maps
from labels.drift.traefik import read_traefik
from labels.model import Settings, Table
from labels.render import caddy, traefik
from tests.labels.render.tables import EXAMPLE, LATER, member, route, table, tables

URL = "http://127.0.0.1:2019"
SOME = settings(derandomize=True, deadline=None, max_examples=30)
COLUMNS = "be_id be_name srv_id srv_addr srv_admin_state srv_uweight srv_fqdn srv_port srv_use_ssl"
STATE = f"1\n# {COLUMNS}\n".encode()


def drift(wanted: Table, reading: Reading, kind: ProxyKind = "caddy") -> Drift:
    return compare(kind, URL, wanted, reading)


def in_caddy(found: Table, options: caddy.Options | None = None) -> Reading:
    return read_caddy(caddy.Renderer(options or caddy.Options()).render(found).body)


def in_traefik(found: Table, version: int, per_page: int = 1000) -> Reading:
    """What Traefik's API makes of our document."""
    options = msgspec.convert({"version": version}, traefik.Options)
    body = json.loads(traefik.Renderer(options).render(found).body)
    return read_traefik(
        *(
            [
                msgspec.json.encode(page)
                for page in _pages(body.get("http", {}).get(name, {}), per_page)
            ]
            for name in ("routers", "services")
        )
    )


def _pages(section: dict[str, Any], size: int) -> list[list[dict[str, Any]]]:
    every = [
        value | {"name": f"{name}@http", "provider": "http", "status": "enabled"}
        for name, value in section.items()
    ]
    return [every[begin : begin + size] for begin in range(0, len(every), size)] or [[]]


@given(wanted=tables())
@SOME
def test_caddys_own_document_has_no_drift(wanted: Table) -> None:
    for options in (caddy.Options(), caddy.Options(https="off", version="2.8")):
        found = drift(wanted, in_caddy(wanted, options))
        assert found.none
        assert found.same == len(wanted.routes)


@given(wanted=tables(), version=st.sampled_from([2, 3]))
@SOME
def test_traefiks_own_document_has_no_drift(wanted: Table, version: int) -> None:
    found = drift(wanted, in_traefik(wanted, version, per_page=2), "traefik")
    assert found.none
    assert (found.same, found.skipped) == (len(wanted.routes), 0)


@pytest.mark.parametrize("read", [in_caddy, lambda found: in_traefik(found, 3)])
def test_what_is_missing_extra_or_different_is_told(read: Any) -> None:
    assert drift(EXAMPLE, read(EXAMPLE)).none
    found = drift(LATER, read(EXAMPLE))
    (different,) = found.different
    assert (different.domain, different.path) == ("plain.example", "/")
    assert different.found.endpoints == ("10.0.0.5:8080",)
    assert different.wanted.endpoints == ("10.0.0.5:8081",)
    assert found.same == len(EXAMPLE.routes) - 1
    fewer = msgspec.structs.replace(EXAMPLE, routes=EXAMPLE.routes[1:])
    lost = EXAMPLE.routes[0]
    assert [(one.domain, one.path) for one in drift(EXAMPLE, read(fewer)).missing] == [lost.key]
    assert [(one.domain, one.path) for one in drift(fewer, read(EXAMPLE)).extra] == [lost.key]


def test_another_scheme_is_a_difference_if_it_is_told() -> None:
    wanted = table(route("a.example", member("h/c", "10.0.0.1")))
    (right,) = in_caddy(wanted).routes
    tls = msgspec.structs.replace(right, scheme="https")
    untold = msgspec.structs.replace(right, scheme=None)
    assert len(drift(wanted, Reading(routes=(tls,))).different) == 1
    assert drift(wanted, Reading(routes=(untold,))).none


def test_caddys_own_sites_are_extra_or_skipped() -> None:
    backend = {"handler": "reverse_proxy", "upstreams": [{"dial": "tcp/10.0.0.1:80"}]}
    below = {"match": [{"path": ["/a*", "/b/*", "/b"]}], "handle": [backend]}
    nested = [
        {"match": [{"host": ["A.example"]}], "handle": [{"handler": "subroute", "routes": [below]}]}
    ]
    odd = [{"handle": [backend, {"handler": "file_server"}, 7]}, 7, {"match": 7, "handle": 7}]
    config = {"apps": {"http": {"servers": {"mine": {"routes": nested + odd}}}}}
    reading = read_caddy(msgspec.json.encode(config))
    assert reading.skipped == 1
    assert reading.routes == tuple(
        Served(domain="a.example", path=path, scheme="http", endpoints=("10.0.0.1:80",))
        for path in ("/a*", "/b")
    )


def test_a_running_caddy_without_a_configuration_serves_nothing() -> None:
    assert read_caddy(b"null\n") == read_caddy(b"{}") == Reading()


def test_routers_of_others_are_read_if_they_are_like_ours() -> None:
    rules = {
        "Host(`a.example`)": ("a.example", "/"),
        "Host(`A.example`) && PathPrefix(`/x/`)": ("a.example", "/x"),
        "Host(`a.example`) || Host(`b.example`)": None,
        "PathPrefix(`/`)": None,
        "Host(`a.example`) && (Path(`/x`) || PathPrefix(`/y/`))": None,
        "Host(`c.example`) && Method(`GET`)": None,
    }
    routers = [
        {"name": f"r{number}@docker", "provider": "docker", "rule": rule, "service": "s"}
        for number, rule in enumerate(rules)
    ]
    servers = [{"url": "http://10.0.0.1"}, {"url": "http://[::1]:81/"}]
    services = [{"name": "s@docker", "loadBalancer": {"servers": servers}}, {"name": "other@file"}]
    reading = read_traefik([msgspec.json.encode(routers)], [msgspec.json.encode(services)])
    assert [(one.domain, one.path) for one in reading.routes] == [
        key for key in rules.values() if key
    ]
    assert reading.routes[0].endpoints == ("10.0.0.1:80", "[::1]:81")
    assert reading.skipped == sum(key is None for key in rules.values())


def test_haproxys_servers_are_those_that_get_requests() -> None:
    state = STATE + (
        b"3 revp.a.example 1 10.0.0.1 0 1 - 80 1\n"
        b"3 revp.a.example 2 fd00::1 0 1 - 81 1\n"
        b"3 revp.a.example 3 10.0.0.3 5 1 - 80 1\n"  # disabled
        b"3 revp.a.example 4 10.0.0.4 0 0 - 80 1\n"  # without weight
        b"4 revp.a.example__x 1 10.0.0.9 0 1 name.lan 80 0\n"
        b"5 other 1 10.0.0.5 0 1 - 80 0\n\n"
    )
    entries = (
        b"0x1 a.example/ revp.a.example\n0x2 a.example/x/ revp.a.example__x\n0x3 b.example other\n"
    )
    reading = read_haproxy([b"\n", entries], state)
    assert reading.skipped == 1
    assert reading.routes == (
        Served(
            domain="a.example", path="/", scheme="https", endpoints=("10.0.0.1:80", "[fd00::1]:81")
        ),
        Served(domain="a.example", path="/x", scheme="http", endpoints=("name.lan:80",)),
    )
    wanted = table(route("a.example", path="/x"), route("a.example", settings=Settings()))
    assert len(drift(wanted, reading, "haproxy").different) == 2


def test_maps_are_asked_for_by_number() -> None:
    listing = b"# id (file) description\n-1 () pattern for acl\n0 (/a) map\n12 (/b (c)) map\n\n"
    assert read_maps(listing) == ["0", "12"]


RUBBISH = [
    b"",
    b"\xff",
    b"[" * 100_000,
    b"[1]",
    b'"x"',
    b"<html>",
    b"1\n",
    b'{"a":',
    STATE + b"1 b c\n",
]


@pytest.mark.parametrize("said", RUBBISH)
def test_rubbish_is_no_reading(said: bytes) -> None:
    with pytest.raises(DriftError, match="Caddy"):
        read_caddy(said)
    with pytest.raises(DriftError, match="Traefik"):
        read_traefik([said], [b"[]"])
    with pytest.raises(DriftError, match="HAProxy"):
        read_haproxy([], said)
    with pytest.raises(DriftError, match="HAProxy"):
        read_maps(said)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["apps", "http", "servers", "routes", "match", "host", "path", "handle"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@given(servers=json_values)
@SOME
def test_any_json_is_read_or_refused(servers: Any) -> None:
    config = {"apps": {"http": {"servers": {"a": servers}}}}
    assert isinstance(read_caddy(msgspec.json.encode(config)), Reading)
