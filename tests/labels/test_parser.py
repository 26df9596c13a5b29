from __future__ import annotations

import msgspec
import pytest

from labels.model import Check, Settings, Wish
from labels.parsing.parser import MOST_WISHES, Rules, parse
from tests.labels.reading import codes, issue, revp, wish, wishes


def test_a_container_without_revp_labels_asks_for_nothing() -> None:
    parsed = parse({"com.docker.compose.project": "shop", "maintainer": "me"})
    assert (parsed.routed, parsed.enabled, parsed.wishes, parsed.issues) == (False, True, (), ())


def test_one_label_is_enough() -> None:
    assert wishes(domain="a.example.com") == (Wish(domain="a.example.com"),)


def test_the_operators_defaults_hold_where_no_label_says_otherwise() -> None:
    rules = Rules(prefix="org.Example.revp_x", https=False, redirect_https=False)
    labels = {"org.example.revp-x.domain": "a.lan", "snadboy.revp.domain": "b.lan"}
    (found,) = parse(labels, rules=rules).wishes
    assert found == Wish(domain="a.lan", settings=Settings(https=False, redirect_https=False))
    (told,) = parse({**labels, "org.example.revp_X.https": "true"}, rules=rules).wishes
    assert told.settings == Settings(https=True, redirect_https=False)


# what is set beside the domain, and the wish's fields that it changes
MEANINGS: list[tuple[str, str, dict[str, object]]] = [
    ("https", "off", {"https": False, "redirect_https": False}),
    ("redirect-https", "No", {"redirect_https": False}),
    ("https-certresolver", "letsencrypt", {"certificate_resolver": "letsencrypt"}),
    ("websocket", "1", {"websocket": True}),
    ("insecure-skip-verify", "yes", {"insecure_skip_verify": True}),
    ("pass-host-header", "0", {"pass_host_header": False}),
    ("backend-scheme", "HTTPS", {"scheme": "https"}),
    ("load-balancer", "Least-Conn", {"policy": "least_conn"}),
    ("load-balancer", "iphash", {"policy": "ip_hash"}),
    ("middleware", "auth@file, compress ,auth@file", {"middlewares": ("auth@file", "compress")}),
    ("health-check", "/up", {"check": Check(path="/up")}),
    ("health-check", "true", {"check": Check(path="/")}),
    ("health-check", "false", {"check": None}),
    ("headers", "X-B: 2 || x_a:1|", {"headers": (("X-A", "1"), ("X-B", "2"))}),
    ("headers.x_forwarded_proto", "https", {"headers": (("X-Forwarded-Proto", "https"),)}),
]


@pytest.mark.parametrize(("name", "value", "fields"), MEANINGS)
def test_labels_set_settings(name: str, value: str, fields: dict[str, object]) -> None:
    expected = msgspec.structs.replace(Settings(), **fields)
    parsed = revp({"domain": "a.lan", name: value})
    assert (parsed.issues, parsed.wishes[0].settings) == ((), expected)
    per_port = revp({"8080.domain": "a.lan", f"8080.{name}": value})
    assert (per_port.issues, per_port.wishes[0].settings) == ((), expected)


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("backend-path", "/api/", "path", "/api"),
        ("backend-port", " 8080 ", "port", 8080),
        ("weight", "0", "weight", 0),
        ("backend-host", "[FD00::5]", "backend_host", "fd00::5"),
        ("backend-host", "DB.lan", "backend_host", "db.lan"),
        ("title", "The  shop\n", "title", "The shop"),
        ("description", "Sells", "description", "Sells"),
        ("cloudflare-tunnel", "true", "extras", (("cloudflare-tunnel", "true"),)),
    ],
)
def test_labels_set_what_is_the_wishes_own(
    name: str, value: str, field: str, expected: object
) -> None:
    parsed = revp({"domain": "a.lan", name: value})
    assert parsed.issues == ()
    assert getattr(parsed.wishes[0], field) == expected


def test_how_a_health_check_is_made() -> None:
    labels = {"interval": "1m", "timeout": "500ms", "status": "204"}
    found = wish({"health-check": "/up", **{f"health-check.{k}": v for k, v in labels.items()}})
    assert found.settings.check == Check(path="/up", interval=60.0, timeout=0.5, status=204)
    slow = revp({"domain": "a.lan", "health-check": "/", "health-check.timeout": "20"})
    assert slow.wishes[0].settings.check == Check(path="/", interval=10.0, timeout=10.0)
    assert codes(slow) == ["check-timeout"]
    assert wish({"health-check": "/", "health-check.timeout": "10s"}).settings.check
    assert codes(revp({"domain": "a.lan", "health-check.interval": "5s"})) == ["check-without-path"]


@pytest.mark.parametrize(
    ("path", "strip", "expected"),
    [
        ("/api", "true", "/api"),
        ("/", "true", None),
        ("/api", "false", None),
        ("/api/v1", "/api", "/api"),
        ("/", "/api", "/api"),
        ("/api", "/", None),
    ],
)
def test_what_is_stripped(path: str, strip: str, expected: str | None) -> None:
    parsed = revp({"domain": "a.lan", "path": path, "strip-prefix": strip})
    assert (parsed.issues, parsed.wishes[0].settings.strip_prefix) == ((), expected)


def test_stripping_what_no_request_has_is_told() -> None:
    parsed = revp({"domain": "a.lan", "path": "/api", "strip-prefix": "/other"})
    assert codes(parsed) == ["strip-mismatch"]
    assert parsed.wishes[0].settings.strip_prefix == "/other"


def test_labels_of_the_container_are_defaults_of_its_ports() -> None:
    parsed = revp(
        {
            "websocket": "true",
            "title": "Shop",
            "headers.X-A": "1",
            "8080.domain": "a.lan",
            "9090.domain": "b.lan",
            "9090.websocket": "false",
            "9090.headers.X-A": "2",
            "9090.headers.X-B": "3",
        }
    )
    a, b = parsed.wishes
    assert (a.domain, a.port, a.title, a.settings.websocket) == ("a.lan", 8080, "Shop", True)
    assert (b.domain, b.port, b.title, b.settings.websocket) == ("b.lan", 9090, "Shop", False)
    assert a.settings.headers == (("X-A", "1"),)
    assert b.settings.headers == (("X-A", "2"), ("X-B", "3"))
    assert parsed.issues == ()


# labels, and the routes they make: domain, path, port
PORTS: list[tuple[dict[str, str], list[tuple[str, str, int]]]] = [
    ({"domain": "a.lan", "8080.domain": "b.lan"}, [("a.lan", "/", 80), ("b.lan", "/", 8080)]),
    (  # the domain of the container is there for a port without one
        {"domain": "a.lan", "8080.path": "/api", "9090.path": "/"},
        [("a.lan", "/api", 8080), ("a.lan", "/", 9090)],
    ),
    (  # a port of the container asks for a route of its own
        {"domain": "a.lan", "port": "3000", "8080.path": "/api"},
        [("a.lan", "/", 3000), ("a.lan", "/api", 8080)],
    ),
    ({"domain": "a.lan", "port": "8080", "8080.path": "/api"}, [("a.lan", "/api", 8080)]),
    (
        {"8080.domain": "a.lan", "08081.domain": "b.lan"},
        [("a.lan", "/", 8080), ("b.lan", "/", 8081)],
    ),
    ({"9.domain": "a.lan", "10.domain": "b.lan"}, [("a.lan", "/", 9), ("b.lan", "/", 10)]),
]


@pytest.mark.parametrize(("labels", "expected"), PORTS)
def test_which_port_a_route_reaches(
    labels: dict[str, str], expected: list[tuple[str, str, int]]
) -> None:
    parsed = revp(labels)
    assert [(found.domain, found.path, found.port) for found in parsed.wishes] == expected
    assert parsed.issues == ()


def test_flags_of_domains_win_over_the_label() -> None:
    found = wishes(domain="a.lan:noredirect, b.lan:redirect,c.lan", redirect_https="false")
    assert [each.settings.redirect_https for each in found] == [False, True, False]
    flag = revp({"domain": "a.lan:redirect", "https": "false"})
    label = revp({"domain": "a.lan", "https": "false", "redirect-https": "true"})
    for parsed in (flag, label):
        assert codes(parsed) == ["redirect-without-https"]
        assert not parsed.wishes[0].settings.redirect_https


@pytest.mark.parametrize(
    "labels",
    [
        {"enabled": "false", "domain": "a b"},
        {"ENABLE": "Off", "8080.domain": "a.lan", "nonsense": "1"},
        {"8080.domain": "a.lan", "8080.enabled": "0", "9090.domain": "b.lan", "9090.enabled": "no"},
    ],
)
def test_labels_that_are_turned_off_ask_for_nothing_and_complain_of_nothing(
    labels: dict[str, str],
) -> None:
    parsed = revp(labels)
    assert (parsed.routed, parsed.enabled, parsed.wishes) == (True, False, ())
    assert [(each.code, each.severity) for each in parsed.issues] == [("disabled", "info")]


def test_one_port_may_be_turned_off_or_on_alone() -> None:
    labels = {"8080.domain": "a.lan", "9090.domain": "b.lan"}
    off = revp({**labels, "9090.enabled": "false"})
    on = revp({**labels, "enabled": "false", "8080.enabled": "true"})
    for parsed in (off, on):
        assert parsed.enabled
        assert [found.domain for found in parsed.wishes] == ["a.lan"]
        assert codes(parsed) == ["disabled"]


def test_a_port_that_is_off_still_has_the_domain_that_is_there_for_it() -> None:
    labels = {"domain": "a.lan", "8080.path": "/api", "9090.domain": "b.lan"}
    assert [found.domain for found in revp({**labels, "8080.enabled": "0"}).wishes] == ["b.lan"]
    on = revp({"enabled": "0", **labels, "8080.enabled": "1"})
    assert [(found.domain, found.port) for found in on.wishes] == [("a.lan", 8080)]


@pytest.mark.parametrize(
    "labels", [{"title": "x"}, {"8080.path": "/x"}, {"nonsense": "x"}, {"8080.domian": "a.lan"}]
)
def test_labels_without_a_domain_are_an_error(labels: dict[str, str]) -> None:
    parsed = revp(labels)
    assert (parsed.routed, parsed.wishes) == (True, ())
    missing = issue(parsed, "no-domain")
    assert missing.severity == "error"
    assert missing.suggestion in {"snadboy.revp.domain", "snadboy.revp.8080.domain"}


def test_a_port_of_which_only_unknown_labels_speak_does_not_take_the_containers_domain() -> None:
    parsed = revp({"domain": "a.lan", "8080.domian": "b.lan"})
    assert [(found.domain, found.port) for found in parsed.wishes] == [("a.lan", 80)]
    assert codes(parsed) == ["no-domain", "unknown-label"]


def test_the_same_route_twice_in_one_container() -> None:
    again = revp({"domain": "a.lan,A.lan."})
    assert (len(again.wishes), issue(again, "route-twice").severity) == (1, "warning")
    ports = revp({"8080.domain": "a.lan", "9090.domain": "a.lan"})
    assert [found.port for found in ports.wishes] == [8080]
    twice = issue(ports, "route-twice")
    assert (twice.severity, twice.key) == ("error", "snadboy.revp.9090.domain")


def test_issues_say_where_and_what() -> None:
    labels = {"snadboy.revp.domain": "a.lan", "snadboy.revp.weight": "heavy"}
    (told,) = parse(labels, "edge", "web-1").issues
    assert told.host == "edge"
    assert told.container == "web-1"
    assert (told.key, told.value) == ("snadboy.revp.weight", "heavy")
    assert told.message == "`heavy` is no weight. Allowed: a whole number from 0 to 256."
    assert told.action == "The default 1 is used."


def test_no_more_routes_than_a_container_may_have() -> None:
    parsed = revp({"domain": ",".join(f"a{n}.lan" for n in range(MOST_WISHES + 5))})
    assert len(parsed.wishes) == MOST_WISHES
    assert issue(parsed, "too-many-routes").severity == "error"


def test_no_more_domains_are_looked_at_than_anybody_needs() -> None:
    bad = {f"{port}.domain": ",".join(["a b"] * 100) for port in range(1, 4)}
    parsed = revp({**bad, "4.domain": "late.lan"})
    assert (parsed.wishes, codes(parsed)) == ((), ["bad-domain"] * 3 + ["too-many-routes"])
    assert "301 domains" in issue(parsed, "too-many-routes").message
