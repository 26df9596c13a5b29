"""Tables of routes for the tests of renderers: as hypothesis makes them, and one to read.

They hold only what a parser lets through: domains are lower-case ASCII, perhaps with `*.` before
them; paths are plain segments; headers visible ASCII without quotes, backslashes, `$`, `%` and
braces; names of middlewares and resolvers `[A-Za-z0-9@._-]`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from hypothesis import strategies as st

from labels.model import (
    Check,
    Endpoint,
    Key,
    Member,
    Policy,
    Route,
    Scheme,
    Settings,
    Standing,
    Table,
)

_HEADER_TEXT = "".join(
    c for c in map(chr, range(0x20, 0x7F)) if c not in "\"'`\\$%{}"
)  # what may stand in the value of a header

# Samples rather than patterns, which take most of a test's time to make.
_label = st.sampled_from(["a", "b", "0", "web", "x-1", "xn--bcher-kva", "l" * 63])
_names = st.lists(_label, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
domains = st.one_of(_names, _names.map("*.{}".format), st.sampled_from(["xn--p1ai", "localhost"]))
"""Domains, at times for all names below one."""

_segment = st.sampled_from(["a", "ab", "API", "v1.0", "x-y_z~", ".well-known", "s" * 40])
_segments = st.lists(_segment, min_size=1, max_size=3)
prefixes = _segments.map(lambda segments: "/" + "/".join(segments))
"""Paths but `/`."""
paths = st.one_of(st.just("/"), prefixes)

_addresses = st.sampled_from(["10.0.0.5", "192.0.2.255", "::1", "fd00::5", "2001:db8::a:1"])
endpoints = st.builds(
    Endpoint,
    address=st.one_of(_addresses, _names),
    port=st.integers(1, 65535),
)

_header_name = st.sampled_from(["X-A", "x-b", "Authorization", "Host", "X-Real-IP", "C3"])
_header_value = st.text(alphabet=_HEADER_TEXT, max_size=20).map(str.strip)
headers = st.lists(
    st.tuples(_header_name, _header_value), max_size=3, unique_by=lambda pair: pair[0].lower()
).map(lambda pairs: tuple(sorted(pairs)))
"""Names and values of headers, sorted by name."""

_proxy_name = st.sampled_from(["auth@file", "limit", "A_b.c-d", "-", "@", "web-0"])
_checks = st.builds(
    Check,
    path=paths,
    interval=st.sampled_from([0.5, 1.0, 10.0, 90.0]),
    timeout=st.sampled_from([0.25, 3.0, 30.0]),
    status=st.one_of(st.none(), st.integers(100, 599)),
)


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    """All settings, where requests are sent to TLS only if there is any."""
    https = draw(st.booleans())
    return Settings(
        scheme=draw(st.sampled_from(get_args(Scheme))),
        strip_prefix=draw(st.one_of(st.none(), prefixes)),
        https=https,
        redirect_https=https and draw(st.booleans()),
        certificate_resolver=draw(st.one_of(st.just(""), _proxy_name)),
        websocket=draw(st.booleans()),
        insecure_skip_verify=draw(st.booleans()),
        pass_host_header=draw(st.booleans()),
        policy=draw(st.sampled_from(get_args(Policy))),
        check=draw(st.one_of(st.none(), _checks)),
        middlewares=tuple(draw(st.lists(_proxy_name, max_size=2, unique=True))),
        headers=draw(headers),
    )


PLAIN = Settings()
_SINCE = datetime(2025, 5, 4, 12, 0, tzinfo=UTC)

_container = st.sampled_from(["web", "Web_2", "a.b-c", "0"])
_standing: st.SearchStrategy[Standing] = st.sampled_from(
    ["up"] * 8 + list(get_args(Standing))
)  # half of them are up


@st.composite
def _members(draw: st.DrawFn, number: int) -> tuple[Member, ...]:
    """The members of one route; `number` keeps ids of several routes apart."""
    hosts = draw(st.lists(st.sampled_from(["edge", "db-1.lan", "c"]), max_size=5))
    made = []
    for place, host in enumerate(hosts):
        standing: Standing = draw(_standing)
        weight = 0 if standing == "off" else draw(st.integers(1, 256))
        endpoint = None if standing == "unreachable" else draw(endpoints)
        name = draw(_container)
        member = Member(
            id=f"{host}/{number:06x}{place:06x}",
            host=host,
            container_id=f"{number:06x}{place:06x}",
            name=f"{host}/{name}",
            identity=f"name:{name}",
            endpoint=endpoint,
            weight=weight,
            standing=standing,
            since=_SINCE,
            stale_since=_SINCE if standing == "stale" else None,
        )
        made.append(member)
    return tuple(sorted(made, key=lambda member: (member.name, member.id)))


@st.composite
def tables(draw: st.DrawFn, max_routes: int = 6) -> Table:
    """A complete table: routes are sorted, pools are at times empty, or hold one backend twice."""
    pairs = st.tuples(domains, paths)
    keys = draw(st.lists(pairs, max_size=max_routes, unique=True))
    routes = tuple(
        Route(
            domain=domain,
            path=path,
            settings=draw(any_settings()),
            members=draw(_members(number)),
        )
        for number, (domain, path) in enumerate(sorted(keys))
    )
    return Table(revision=draw(st.integers(1, 10**6)), complete=True, routes=routes)


def member(
    name: str, address: str, port: int = 80, *, standing: Standing = "up", weight: int = 1
) -> Member:
    """A container's membership; `name` is `HOST/NAME`, an empty address is no endpoint."""
    host, _, container = name.partition("/")
    return Member(
        id=f"{host}/id-of-{container}",
        host=host,
        container_id=f"id-of-{container}",
        name=name,
        identity=f"name:{container}",
        endpoint=Endpoint(address=address, port=port) if address else None,
        weight=weight,
        standing=standing,
        since=_SINCE,
    )


def route(domain: str, *members: Member, path: str = "/", settings: Settings = PLAIN) -> Route:
    """A route with these members."""
    ordered = tuple(sorted(members, key=lambda each: (each.name, each.id)))
    return Route(domain=domain, path=path, settings=settings, members=ordered)


def table(*routes: Route, revision: int = 1) -> Table:
    """A complete table of these routes."""
    return Table(
        revision=revision,
        complete=True,
        routes=tuple(sorted(routes, key=lambda each: each.key)),
    )


EXAMPLE = table(
    route("plain.example", member("edge/plain", "10.0.0.5", 8080)),
    route(
        "pool.example",
        member("edge/pool-1", "10.0.0.5", 8081, weight=3),
        member("core/pool-2", "10.0.0.6", 8081),
        member("core/pool-3", "fd00::6", 8081, standing="stale"),
        member("core/pool-4", "10.0.0.6", 8084, standing="unhealthy"),
        member("core/pool-5", "10.0.0.6", 8085, standing="off", weight=0),
        settings=Settings(
            policy="least_conn",
            check=Check(path="/healthz", interval=5.0, timeout=2.0, status=200),
            websocket=True,
            certificate_resolver="wild",
        ),
    ),
    route(
        "pool.example",
        member("edge/api", "api.lan", 9000),
        path="/api/v1",
        settings=Settings(
            strip_prefix="/api/v1",
            policy="ip_hash",
            headers=(("X-Area", "api, v1; q=1"), ("X-Team", "core")),
            middlewares=("auth@file", "limit"),
        ),
    ),
    route(
        "secure.example",
        member("edge/secure", "10.0.0.7", 8443),
        settings=Settings(scheme="https", insecure_skip_verify=True, redirect_https=False),
    ),
    route(
        "strict.example",
        member("edge/strict", "strict.lan", 443),
        settings=Settings(scheme="https", pass_host_header=False, policy="first"),
    ),
    route(
        "http.example",
        member("edge/http", "10.0.0.8", 8000),
        settings=Settings(https=False, redirect_https=False, policy="random"),
    ),
    route("down.example", member("edge/down", "10.0.0.9", standing="starting")),
    route("lost.example", member("edge/lost", "", standing="unreachable")),
    route("empty.example"),
    route("*.wild.example", member("edge/wild", "10.0.0.5", 8090)),
    route("*.wild.example", member("edge/wild-docs", "10.0.0.5", 8091), path="/docs"),
    route("www.wild.example", member("edge/www", "10.0.0.5", 8092)),
    route("xn--bcher-kva.example", member("edge/books", "10.0.0.5", 8093)),
)
"""A bit of everything: exact and wild domains, nested paths, all policies, empty pools."""

LATER = Table(
    revision=2,
    complete=True,
    routes=tuple(
        route("plain.example", member("edge/plain", "10.0.0.5", 8081))
        if each.key == Key("plain.example", "/")
        else each
        for each in EXAMPLE.routes
    ),
)
"""`EXAMPLE` after one container came back on another port; other routes are the same objects."""
