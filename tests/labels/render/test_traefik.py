"""Documents for Traefik, judged by what `traefik_types` says of it, and by routing requests.

Traefik itself, where it can run, is in `tests/proxies/test_traefik.py`.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.model import Check, Key, Policy, Route, Settings, Table
from labels.render.names import LONGEST, safe_name
from labels.render.traefik import Options, Renderer
from tests.labels.render.tables import EXAMPLE, LATER, domains, member, paths, route, table, tables
from tests.labels.render.traefik_types import Http, check, chosen

V2, V30 = Options(version=2), Options()
VERSIONS = {
    (2, 0): V2,
    (3, 0): V30,
    (3, 4): Options(minor=4, certificate_resolver="le", https_port=8443),
    (3, 6): Options(minor=6, http_entrypoint="http", https_entrypoint="https"),
}
PLAIN = Settings(https=False, redirect_https=False)


def render(wanted: Table, version: tuple[int, int] = (3, 0)) -> Http:
    return check(Renderer(VERSIONS[version]).render(wanted).body, version)


def codes(wanted: Table, options: Options = V30) -> list[str]:
    return [issue.code for issue in Renderer(options).render(wanted).issues]


def expected(wanted: Table, host: str, path: str) -> Route | None:
    """What a request should reach: exact domains first, then the longest path by its parts."""
    found = [
        each
        for each in wanted.routes
        if each.domain in (host, f"*.{host.partition('.')[2]}")
        and (each.path in ("/", path) or path.startswith(f"{each.path}/"))
    ]
    found.sort(key=lambda each: (not each.domain.startswith("*."), len(each.path)))
    return found[-1] if found else None


@settings(derandomize=True, deadline=None, max_examples=60)
@given(tables())
def test_every_version_takes_its_document_and_routes_by_it(wanted: Table) -> None:
    hosts = {each.domain.replace("*", "any") for each in wanted.routes} | {"x.any.example"}
    paths = {f"{each.path}{more}" for each in wanted.routes for more in ("", "x", "/x")} | {"/"}
    for version, options in VERSIONS.items():
        http = render(wanted, version)
        for host in hosts:
            for path in paths:
                want = expected(wanted, host, path)
                _check_request(http, options, want, host, path)


def _check_request(http: Http, options: Options, want: Route | None, host: str, path: str) -> None:
    tls = chosen(http, options.https_entrypoint, host, path, options.version)
    plain = chosen(http, options.http_entrypoint, host, path, options.version)
    if want is None:
        assert (tls, plain) == (None, None)
        return
    name = safe_name(want.key)
    assert plain is not None
    if want.settings.https:
        assert tls == name
        assert http.routers[name].tls is not None
        assert plain == f"{name}_http"
        redirected = http.routers[plain].service == "noop@internal"
        assert redirected == want.settings.redirect_https
    else:
        assert plain == name
        assert http.routers[name].tls is None


@settings(derandomize=True, deadline=None, max_examples=40)
@given(tables())
def test_documents_do_not_depend_on_order_or_on_what_was_before(wanted: Table) -> None:
    backwards = tuple(
        msgspec.structs.replace(each, members=each.members[::-1]) for each in wanted.routes[::-1]
    )
    for options in (V2, V30):
        renderer = Renderer(options)
        renderer.render(EXAMPLE)
        first = renderer.render(wanted)
        assert first == Renderer(options).render(wanted)
        assert first.body == renderer.render(Table(routes=backwards)).body


def test_one_change_changes_its_lines_only() -> None:
    renderer = Renderer(V30)
    before = renderer.render(EXAMPLE).body.splitlines()
    after = renderer.render(LATER).body.splitlines()
    assert len(before) == len(after)
    (changed,) = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert changed[1].startswith(b'"plain.example":{"loadBalancer":{"servers":[{"url":"http://10')


def test_without_routes_traefik_is_told_so() -> None:
    assert Renderer(V30).render(table()).body == b"{}\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_pool_keeps_its_router_and_has_no_servers(version: tuple[int, int]) -> None:
    http = render(EXAMPLE, version)
    for name in ("down.example", "lost.example", "empty.example"):
        assert http.routers[name].service == name
        assert http.services[name] == {"loadBalancer": {"servers": [], "passHostHeader": True}}


def test_rules_of_both_versions() -> None:
    two, three = render(EXAMPLE, (2, 0)).routers, render(EXAMPLE).routers
    docs = "_2a.wild.example__docs"
    path = " && (Path(`/docs`) || PathPrefix(`/docs/`))"
    assert two[docs].rule == "HostRegexp(`{name:[^.]+}.wild.example`)" + path
    assert three[docs].rule == r"HostRegexp(`^[^.]+\.wild\.example$`)" + path
    assert two["plain.example"].rule == three["plain.example"].rule == "Host(`plain.example`)"
    order = ["_2a.wild.example", docs, "www.wild.example"]
    assert [three[name].priority for name in order] == [1, 2, len("Host(`www.wild.example`)")]


def test_redirects_and_certificates() -> None:
    secure = Settings(https=True, redirect_https=True)
    wanted = table(
        route("a.example", settings=secure),
        route("*.b.example", settings=secure),
        route("c.example", settings=msgspec.structs.replace(secure, certificate_resolver="own")),
    )
    http = render(wanted)
    assert http.routers["a.example_http"].middlewares == ["redirect-to-https"]
    assert resolvers(http) == {"a.example": None, "_2a.b.example": None, "c.example": "own"}
    redirect = http.middlewares["redirect-to-https"].redirect_scheme
    assert redirect is not None
    assert (redirect.scheme, redirect.port, redirect.permanent) == ("https", None, True)

    http = render(wanted, (3, 4))
    assert resolvers(http) == {"a.example": "le", "_2a.b.example": "le", "c.example": "own"}
    wild = http.routers["_2a.b.example"].tls
    assert wild is not None
    assert [each.main for each in wild.domains or []] == ["*.b.example"]
    redirect = http.middlewares["redirect-to-https"].redirect_scheme
    assert redirect is not None
    assert redirect.port == "8443"


def resolvers(http: Http) -> dict[str, str | None]:
    return {name: each.tls.cert_resolver for name, each in http.routers.items() if each.tls}


WEIGHTS = table(
    route(
        "w.example",
        member("edge/a", "10.0.0.5", weight=3),
        member("edge/b", "fd00::5"),
        member("edge/c", "10.0.0.5"),
        settings=msgspec.structs.replace(
            PLAIN, check=Check(path="/h?a=b", timeout=0.25, status=204)
        ),
    )
)


def test_weights_and_checks_in_version_3() -> None:
    assert render(WEIGHTS).services["w.example"]["loadBalancer"] == {
        "servers": [
            {"url": "http://10.0.0.5:80", "weight": 4},  # one backend, however many members
            {"url": "http://[fd00::5]:80", "weight": 1},
        ],
        "passHostHeader": True,
        "healthCheck": {
            "path": "/h?a=b",
            "interval": "10000ms",
            "timeout": "250ms",
            "followRedirects": False,
            "hostname": "w.example",
            "status": 204,
        },
    }
    assert codes(WEIGHTS) == []


def test_weights_and_checks_in_version_2() -> None:
    services = render(WEIGHTS, (2, 0)).services
    shares = {"w.example_to_10.0.0.5_3a80": 4, "w.example_to__5bfd00_3a_3a5_5d_3a80": 1}
    assert services["w.example"]["weighted"] == {
        "services": [{"name": name, "weight": weight} for name, weight in shares.items()],
        "healthCheck": {},
    }
    balancers = [services[name]["loadBalancer"] for name in shares]
    urls = [each["servers"] for each in balancers]
    assert urls == [[{"url": "http://10.0.0.5:80"}], [{"url": "http://[fd00::5]:80"}]]
    assert all("status" not in each["healthCheck"] for each in balancers)
    assert codes(WEIGHTS, V2) == ["traefik-check-status"]


@pytest.mark.parametrize(
    ("domain", "passed", "hostname"),
    [("a.example", True, "a.example"), ("a.example", False, None), ("*.example", True, None)],
)
def test_checks_ask_for_the_domain_if_requests_do(
    domain: str, passed: bool, hostname: str | None
) -> None:
    own = Settings(pass_host_header=passed, check=Check(path="/"))
    (service,) = render(
        table(route(domain, member("edge/a", "10.0.0.5"), settings=own))
    ).services.values()
    assert service["loadBalancer"]["healthCheck"].get("hostname") == hostname


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("round_robin", [None, None, None, None]),
        ("least_conn", ["", "", "p2c", "p2c"]),
        ("ip_hash", ["", "", "", "hrw"]),
        ("random", ["", "", "", ""]),
        ("first", ["", "", "", ""]),
    ],
)
def test_policies(policy: Policy, words: list[str | None]) -> None:
    own = msgspec.structs.replace(PLAIN, policy=policy)
    wanted = table(route("a.example", member("edge/a", "10.0.0.5"), settings=own))
    for (version, options), word in zip(VERSIONS.items(), words, strict=True):
        balancer = render(wanted, version).services["a.example"]["loadBalancer"]
        assert balancer.get("strategy") == (word or None)
        assert codes(wanted, options) == (["traefik-policy"] if word == "" else [])


def test_a_policy_that_knows_no_weights_says_so() -> None:
    own = msgspec.structs.replace(PLAIN, policy="least_conn")
    members = member("edge/a", "10.0.0.5", weight=3), member("edge/b", "10.0.0.6")
    wanted = table(route("a.example", *members, settings=own))
    assert codes(wanted, Options(minor=4)) == ["traefik-weight-ignored"]
    assert codes(wanted) == ["traefik-policy"]


@pytest.mark.parametrize(
    ("path", "prefix", "made"),
    [
        ("/api", "/api", {"strip_prefix"}),
        ("/api/v1", "/api", {"strip_prefix"}),
        ("/", "/api", {"strip_prefix_regex"}),
        ("/apis", "/api", {"strip_prefix_regex"}),
        ("/api", "/", set()),
    ],
)
def test_a_prefix_is_taken_off_whole_parts_of_a_path(
    path: str, prefix: str, made: set[str]
) -> None:
    own = msgspec.structs.replace(PLAIN, strip_prefix=prefix)
    http = render(table(route("a.example", path=path, settings=own)))
    found = {
        name
        for each in http.middlewares.values()
        for name, value in msgspec.structs.asdict(each).items()
        if value is not None
    }
    assert found == made


def test_headers_and_middlewares() -> None:
    router = render(EXAMPLE).routers["pool.example__api__v1"]
    own = ["pool.example__api__v1_strip", "pool.example__api__v1_headers"]
    assert router.middlewares == [*own, "auth@file", "limit@file"]
    headers = render(EXAMPLE).middlewares[own[1]].headers
    assert headers is not None
    assert headers.custom_request_headers == {"X-Area": "api, v1; q=1", "X-Team": "core"}
    other = Renderer(Options(middleware_provider="docker")).render(EXAMPLE).body
    assert b'"auth@file","limit@docker"' in other


def test_what_reaches_no_backend_goes_to_another_one() -> None:
    http = render(EXAMPLE)
    assert http.routers["pool.example"].middlewares == ["another-backend"]
    retry = http.middlewares["another-backend"].retry
    assert retry is not None
    assert retry.attempts == 4
    alone = render(table(route("a.example", member("h/a", "10.0.0.5"), settings=PLAIN)))
    assert alone.middlewares == {}


def test_backends_on_tls() -> None:
    services = render(EXAMPLE).services
    insecure = services["secure.example"]["loadBalancer"]
    assert insecure["servers"] == [{"url": "https://10.0.0.7:8443"}]
    assert insecure["serversTransport"] == "insecure"
    strict = services["strict.example"]["loadBalancer"]
    assert strict == {"servers": [{"url": "https://strict.lan:443"}], "passHostHeader": False}


HOSTILE = "`) || Host(`evil.example"


@pytest.mark.parametrize(
    ("hostile", "code", "kept"),
    [
        (route(HOSTILE), "traefik-domain", False),
        (route("*"), "traefik-domain", False),
        (route("a.example", path=f"/{HOSTILE}"), "traefik-path", False),
        (route("a.example", path="/{x:.*}"), "traefik-path", False),
        (
            route("a.example", settings=Settings(strip_prefix='/"x', https=False)),
            "traefik-strip-prefix",
            True,
        ),
        (
            route("a.example", settings=Settings(middlewares=('a"b',), https=False)),
            "traefik-middleware",
            True,
        ),
        (
            route("a.example", settings=Settings(headers=(("X", "a\r\nY: b"),), https=False)),
            "traefik-header",
            True,
        ),
        (route("a.example", settings=Settings(headers=(("X", ""),))), "traefik-empty-header", True),
        (
            route("a.example", settings=Settings(certificate_resolver="a b")),
            "traefik-certificate-resolver",
            True,
        ),
        (
            route(
                "a.example",
                member("edge/a", "10.0.0.5"),
                settings=Settings(check=Check(path="//evil example")),
            ),
            "traefik-check-path",
            True,
        ),
        (route("a.example", member("edge/a", "10.0.0.5/?x")), "traefik-address", True),
    ],
)
def test_what_cannot_be_said_is_left_out_and_told(hostile: Route, code: str, kept: bool) -> None:
    other = route("b.example", member("edge/b", "10.0.0.6"))
    assert codes(table(hostile, other)) == [code]
    for version in VERSIONS:
        routers = render(table(hostile, other), version).routers
        assert ("a.example" in routers) == kept
        assert "b.example" in routers
        assert b"evil" not in Renderer(VERSIONS[version]).render(table(hostile, other)).body


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.builds(Key, domains, paths), st.builds(Key, domains, paths))
def test_names_are_one_to_one(one: Key, other: Key) -> None:
    assert (safe_name(one) == safe_name(other)) == (one == other)


def test_names_stay_apart_and_short() -> None:
    keys = [
        Key("a.example", "/b"),
        Key("a.example__b", "/"),
        Key("a.example", "/b_http"),
        Key("a.example", "/b/http"),
        Key("*.a.example", "/"),
        Key("_2a.a.example", "/"),
        *(Key("a.example", f"/{'long-' * 50}{last}") for last in "ab"),
    ]
    names = [safe_name(key) for key in keys]
    assert len({*names, f"{names[0]}_http"}) == len(keys) + 1
    assert max(map(len, names)) <= LONGEST
    assert names[0] == "a.example__b"
