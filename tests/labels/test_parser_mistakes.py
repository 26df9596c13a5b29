"""What becomes of labels that are wrong: how it is told, and what holds instead."""

from __future__ import annotations

import pytest

from labels.model import Settings
from labels.parsing.findings import MOST_ISSUES
from labels.parsing.grouping import MOST_LABELS
from labels.parsing.parser import MOST_EXTRAS, parse
from labels.parsing.values import MOST_VALUE
from tests.labels.reading import codes, issue, revp

# a label that is wrong, and its code, after which the default holds
DEFAULTED = [
    ("backend-port", "0", "bad-port"),
    ("backend-port", "65536", "bad-port"),
    ("backend-port", "http", "bad-port"),
    ("backend-port", "٨٠", "bad-port"),
    ("backend-scheme", "ftp", "bad-scheme"),
    ("https", "", "bad-boolean"),
    ("websocket", "maybe", "bad-boolean"),
    ("enabled", "flase", "bad-boolean"),
    ("https-certresolver", "le prod", "bad-resolver"),
    ("https-certresolver", "`x`", "bad-resolver"),
    ("load-balancer", "fastest", "bad-load-balancer"),
    ("weight", "257", "bad-weight"),
    ("weight", "-1", "bad-weight"),
    ("health-check", "/up now", "bad-path"),
    ("health-check", "http://a/up", "bad-path"),
    ("health-check.interval", "5 weeks", "bad-duration"),
    ("health-check.interval", "2h", "bad-duration"),
    ("health-check.timeout", "0.01", "bad-duration"),
    ("health-check.status", "999", "bad-status"),
    ("headers", "X-A", "bad-header"),
    ("headers", "X-A: 1 |" * 600, "bad-header"),
    ("headers", 'X-A: a"b', "bad-header"),
    ("headers.X-A", "a\nb", "bad-header"),
    ("headers.X-A", "${x}", "bad-header"),
    ("headers.X-A", "%[src]", "bad-header"),
    ("headers.X-A", "", "bad-header"),
    ("headers.X A", "1", "bad-header"),
    ("headers.Host", "a.lan", "bad-header"),
    ("headers.Transfer-Encoding", "chunked", "bad-header"),
]


@pytest.mark.parametrize(("name", "value", "code"), DEFAULTED)
def test_a_bad_value_leaves_the_default(name: str, value: str, code: str) -> None:
    parsed = revp({"domain": "a.lan", name: value})
    told = issue(parsed, code)
    assert told.severity == "warning"
    assert told.key == f"snadboy.revp.{name}"
    assert "Allowed: " in told.message
    assert told.action
    (wish,) = parsed.wishes
    assert (wish.settings, wish.port, wish.weight) == (Settings(), 80, 1)


# a label that is wrong, and its code, after which there is no route: where to, or what guards it,
# is not known
DROPPED = [
    ("backend-path", "/a b", "bad-path"),
    ("backend-path", "/a/../b", "bad-path"),
    ("backend-path", "/a//b", "bad-path"),
    ("backend-path", "/a;b", "bad-path"),
    ("backend-path", "/{x}", "bad-path"),
    ("backend-path", "/$x", "bad-path"),
    ("backend-path", "/a#b", "bad-path"),
    ("backend-path", "/a\\b", "bad-path"),
    ("backend-path", "/a`b", "bad-path"),
    ("backend-path", "/a%20b", "bad-path"),
    ("backend-path", "/" + "a" * 255, "bad-path"),
    ("backend-path", "/a\x00", "bad-path"),
    ("strip-prefix", "/a b", "bad-path"),
    ("middleware", "auth, a b", "bad-middleware"),
    ("middleware", "auth@file`) || (", "bad-middleware"),
    ("middleware", ",".join(f"m{n}" for n in range(17)), "bad-middleware"),
    ("backend-host", "10.0.0.5:80", "bad-backend-host"),
    ("backend-host", "http://db.lan", "bad-backend-host"),
    ("backend-host", "*.lan", "bad-backend-host"),
    ("backend-host", "fe80::1%eth0", "bad-backend-host"),
    ("backend-host", "10.0.0.300", "bad-backend-host"),
    ("backend-host", "", "bad-backend-host"),
]


@pytest.mark.parametrize(("name", "value", "code"), DROPPED)
def test_a_bad_value_drops_the_route(name: str, value: str, code: str) -> None:
    parsed = revp({"8080.domain": "a.lan", f"8080.{name}": value, "9090.domain": "b.lan"})
    assert issue(parsed, code).severity == "error"
    assert [wish.domain for wish in parsed.wishes] == ["b.lan"]


def test_a_bad_domain_leaves_its_neighbours_alone() -> None:
    parsed = revp({"domain": "a.lan, b lan ,,c.lan,10.0.0.1,"})
    assert [wish.domain for wish in parsed.wishes] == ["a.lan", "c.lan"]
    assert codes(parsed) == ["bad-domain", "bad-domain"]
    assert {told.severity for told in parsed.issues} == {"error"}


@pytest.mark.parametrize("value", ["", " ", ",", " , ", "a" * (MOST_VALUE + 1)])
def test_no_domain_at_all(value: str) -> None:
    parsed = revp({"domain": value})
    assert (parsed.wishes, codes(parsed)) == ((), ["bad-domain"])


def test_what_does_not_belong_to_a_domain_is_taken_off() -> None:
    parsed = revp({"domain": "https://a.lan:443/shop?x=1,b.lan/"})
    assert [(wish.domain, wish.path) for wish in parsed.wishes] == [
        ("a.lan", "/shop"),
        ("b.lan", "/"),
    ]
    first, second = parsed.issues
    assert first.code == second.code == "domain-cleaned"
    assert "`/shop`" in first.action
    assert (first.suggestion, second.suggestion) == ("a.lan", "b.lan")
    labelled = revp({"domain": "a.lan/shop", "path": "/api"})
    assert [wish.path for wish in labelled.wishes] == ["/api"]
    assert "/shop" not in issue(labelled, "domain-cleaned").action


@pytest.mark.parametrize(
    ("value", "path"), [("api", "/api"), ("/api/*", "/api"), ("/*", "/"), ("", "/")]
)
def test_paths_are_put_right(value: str, path: str) -> None:
    parsed = revp({"domain": "a.lan", "path": value})
    assert parsed.wishes[0].path == path
    assert issue(parsed, "path-corrected").suggestion == path


# a key that is wrong, its code, and what was meant
SLIPS = [
    ("snadboy.revp.domian", "unknown-label", "snadboy.revp.domain"),
    ("snadboy.revp.8080.Backend_Prot", "unknown-label", "snadboy.revp.8080.backend-proto"),
    ("snadboy.revp.hostname", "unknown-label", "snadboy.revp.domain"),
    ("snadboy.revp.health-check.intervall", "unknown-label", "snadboy.revp.health-check.interval"),
    ("snadboy.revp.quux", "unknown-label", None),
    ("snadboy.revp", "unknown-label", None),
    ("snadboy.revp.", "unknown-label", None),
    ("snadboy.revp.8080", "unknown-label", None),
    ("snadboy.revp.http.title", "bad-label-port", None),
    ("snadboy.revp.8080/tcp.title", "bad-label-port", "snadboy.revp.8080.title"),
    ("snadboy.revp.0.title", "bad-label-port", None),
    ("snadboy.revp.70000.title", "bad-label-port", None),
    ("snadboy.revp.٨٠.title", "bad-label-port", None),
    ("snadboy.rvep.domain", "prefix-lookalike", "snadboy.revp.domain"),
    ("Snadboy-revp.8080.domain", "prefix-lookalike", "snadboy.revp.8080.domain"),
    ("revp.domain", "prefix-lookalike", "snadboy.revp.domain"),
    ("snadboy.revp." + "a" * 300, "key-too-long", None),
]


@pytest.mark.parametrize(("key", "code", "suggestion"), SLIPS)
def test_slips_in_keys(key: str, code: str, suggestion: str | None) -> None:
    parsed = parse({"snadboy.revp.domain": "a.lan", key: "x"})
    told = issue(parsed, code)
    assert told.suggestion == suggestion
    assert key.startswith(told.key.removesuffix("…"))
    assert [(wish.domain, wish.port) for wish in parsed.wishes] == [("a.lan", 80)]


@pytest.mark.parametrize(
    "key",
    [
        "traefik.http.services.a.loadbalancer.server.port",
        "caddy.path",
        "domain",
        "a.b.domain",
        "x" * 150 + ".domain",
    ],
)
def test_labels_of_others_are_left_alone(key: str) -> None:
    assert parse({key: "x"}).issues == ()


def test_a_domain_behind_something_that_is_no_port_is_an_error() -> None:
    parsed = parse({"snadboy.revp.http.domain": "a.lan"})
    assert (parsed.routed, parsed.wishes) == (True, ())
    assert [(told.code, told.severity) for told in parsed.issues] == [("bad-label-port", "error")]


def test_a_lookalike_alone_is_told_but_no_route() -> None:
    parsed = parse({"snadboy.rvep.domain": "a.lan"})
    assert (parsed.routed, codes(parsed)) == (False, ["prefix-lookalike"])


@pytest.mark.parametrize(
    ("name", "value", "suggestion"),
    [
        ("https", "treu", "true"),
        ("load-balancer", "round-robbin", "round_robin"),
        ("backend-port", "8080/tcp", "8080"),
        ("backend-scheme", "htps", "https"),
        ("domain", ".a.lan", "*.a.lan"),
        ("domain", "a.lan b.lan", "a.lan,b.lan"),
        ("domain", "b.lan:noredirekt", "b.lan:noredirect"),
    ],
)
def test_what_was_probably_meant(name: str, value: str, suggestion: str) -> None:
    told = revp({"domain": "a.lan", name: value}).issues
    assert [each.suggestion for each in told] == [suggestion]


def test_unknown_labels_are_kept() -> None:
    parsed = revp({"8080.domain": "a.lan", "8080.Zone_X": "b", "zone-x": "a", "team": "\x00y"})
    assert parsed.wishes[0].extras == (("team", "\N{REPLACEMENT CHARACTER}y"), ("zone-x", "b"))


def test_underscores_are_allowed_and_told() -> None:
    parsed = revp({"domain": "my_app.lan"})
    assert parsed.wishes[0].domain == "my_app.lan"
    assert issue(parsed, "domain-underscore").severity == "info"


def test_nothing_grows_without_bound() -> None:
    many = {"domain": "a.lan", **{f"x{n}": "y" * 5000 for n in range(MOST_LABELS - 1)}}
    parsed = revp(many)
    assert len(parsed.wishes[0].extras) == MOST_EXTRAS
    assert max(len(value) for _, value in parsed.wishes[0].extras) <= 1001
    assert len(parsed.issues) == MOST_ISSUES
    assert issue(parsed, "too-many-issues").severity == "warning"
    more = revp({**many, "more": "1"})
    assert (more.routed, more.wishes, codes(more)) == (True, (), ["too-many-labels"])
    headers = revp({"domain": "a.lan", **{f"headers.X{n}": "1" for n in range(40)}})
    assert len(headers.wishes[0].settings.headers) == 32
    assert codes(headers) == ["too-many-headers"]
    text = revp({"domain": "a.lan", "title": "t" * 300})
    assert len(text.wishes[0].title) == 201
    assert codes(text) == ["text-shortened"]
    long = revp({"domain": "a.lan", "weight": "1" * 5000})
    assert (long.wishes[0].weight, codes(long)) == (1, ["bad-weight"])
    assert max(len(told.value) for told in long.issues) <= 81
