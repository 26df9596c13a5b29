from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.model import Check, Settings, Table
from labels.render.caddy import GROUP, Options, Renderer
from labels.render.caddy_pool import LONGEST, pool_of, shares_of
from tests.lab.caddy import validate
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.labels.render.tables import EXAMPLE, LATER, member, route, table, tables

OPTIONS = (
    Options(),
    Options(https="internal", listen="::1", trusted_proxies=("10.0.0.0/8", "::1"), access_log=True),
    Options(https="off", self_url="http://fleet.example/x?a=b", token_env="TOKEN", admin="off"),
    Options(email="me@example.org", self_url="{env.FLEET_URL}", admin="[::1]:2019"),
)
"""All that Caddy 2.6 must read."""


def render(wanted: Table, options: Options = OPTIONS[0]) -> Any:
    return json.loads(Renderer(options).render(wanted).body)


def codes(wanted: Table, options: Options = OPTIONS[0]) -> list[str]:
    return sorted(issue.code for issue in Renderer(options).render(wanted).issues)


def refusal(body: bytes, folder: Path) -> str:
    try:
        return validate(body, folder)
    except MissingPartError as error:
        skip_or_fail(str(error))


def proxies(found: Any) -> list[Any]:
    """Every reverse proxy in a document."""
    if isinstance(found, list):
        return [proxy for each in found for proxy in proxies(each)]
    if not isinstance(found, dict):
        return []
    if found.get("handler") == "reverse_proxy":
        return [found]
    return proxies(list(found.values()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("caddy")


@given(wanted=tables(max_routes=60), options=st.sampled_from(OPTIONS))
@settings(derandomize=True, deadline=None, max_examples=12)
def test_caddy_takes_any_table(wanted: Table, options: Options, folder: Path) -> None:
    assert refusal(Renderer(options).render(wanted).body, folder) == ""


def test_caddy_takes_the_example_and_more_domains_than_fit_a_group(folder: Path) -> None:
    many = (route(f"n{number}.example", member("h/c", "10.0.0.1")) for number in range(3 * GROUP))
    wanted = table(*EXAMPLE.routes, *many)
    assert refusal(Renderer(OPTIONS[1]).render(wanted).body, folder) == ""
    servers = render(wanted)["apps"]["http"]["servers"]
    groups = [found["match"][0]["host"] for found in servers["plain"]["routes"][:-1]]
    assert [len(group) for group in groups[:-1]] == [GROUP] * 3
    assert sorted(chain.from_iterable(groups)) == sorted({each.domain for each in wanted.routes})


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a b", "domain"),
        ("a.{env.HOME}", "domain"),
        ('"}', "domain"),
        ("/a*", "path"),
        ("/{env.HOME}", "path"),
        ("/a\nb", "path"),
        ("/a//b", "path"),
        ("/%2a", "path"),
        ("unix//run/x.sock|", "address"),
        ("{env.HOME}", "address"),
        ("a\r\nX-B: c", "header"),
        ("/{file./etc/passwd}", "strip-prefix"),
        ("/%zz", "check-path"),
    ],
)
def test_what_could_break_out_is_left_out(text: str, where: str, folder: Path) -> None:
    terms = {
        "header": Settings(headers=(("X-A", text),)),
        "strip-prefix": Settings(strip_prefix=text),
        "check-path": Settings(check=Check(path=text)),
    }.get(where, Settings())
    bad = route(
        text if where == "domain" else "bad.example",
        member("h/c", text if where == "address" else "10.0.0.1"),
        path=text if where == "path" else "/",
        settings=terms,
    )
    good = route("good.example", member("h/d", "10.0.0.2"))
    rendered = Renderer(OPTIONS[0]).render(table(bad, good))
    assert [issue.code for issue in rendered.issues] == [f"caddy-{where}"]
    assert json.dumps(text)[1:-1].encode() not in rendered.body
    assert b"10.0.0.2:80" in rendered.body
    assert refusal(rendered.body, folder) == ""


def test_a_document_depends_on_the_routes_alone() -> None:
    kept = Renderer(OPTIONS[1])
    kept.render(EXAMPLE)
    again = kept.render(LATER)
    turned = msgspec.structs.replace(LATER, routes=LATER.routes[::-1], revision=9)
    assert again.body != kept.render(EXAMPLE).body
    assert again == Renderer(OPTIONS[1]).render(turned)


def test_what_caddy_cannot_say_is_an_issue() -> None:
    assert codes(EXAMPLE) == [
        "caddy-certificate-resolver",
        "caddy-middlewares",
        "caddy-websocket",
        "caddy-weight-ignored",
        "caddy-wildcard-certificate",
        "caddy-wildcard-certificate",
    ]
    assert codes(EXAMPLE, Options(version="2.8", https="off")) == [
        "caddy-middlewares",
        "caddy-weight-ignored",
    ]
    same = (route("a.example", member("h/c", "10.0.0.1"), path=path) for path in ("/API", "/api"))
    assert codes(table(*same)) == ["caddy-path-case"]


@given(weights=st.lists(st.integers(1, 256), min_size=1, max_size=80).map(tuple))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_shares_are_few_and_near_the_weights(weights: tuple[int, ...]) -> None:
    shares = shares_of(weights)
    assert min(shares) >= 1
    assert sum(shares) <= LONGEST + len(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert share == 1 or share / sum(shares) <= 2 * weight / sum(weights)


def test_weights_are_repetitions_far_apart_or_numbers() -> None:
    pool = pool_of({"a": 200, "b": 100}, "round_robin", dated=True)
    assert (pool.dials, pool.weights, pool.approximate) == (("a", "b", "a"), None, False)
    pool = pool_of({"a": 256, "b": 1}, "random", dated=False)
    assert (set(pool.dials), pool.approximate) == ({"a", "b"}, True)
    pool = pool_of({"a": 256, "b": 1}, "round_robin", dated=False)
    assert (pool.dials, pool.weights, pool.approximate) == (("a", "b"), (256, 1), False)
    assert pool_of({"a": 7, "b": 7}, "first", dated=True) == (("a", "b"), None, False, False)
    assert pool_of({"a": 7, "b": 6}, "first", dated=True).ignored


def test_later_versions_get_what_they_can_do() -> None:
    options = Options(version="2.8", trusted_proxies=("10.0.0.0/8",))
    pool = (member("h/a", "10.0.0.1", weight=3), member("h/b", "10.0.0.2"))
    found = render(table(route("a.example", *pool)), options)
    (proxy,) = proxies(found)
    policy = {"policy": "weighted_round_robin", "weights": [3, 1]}
    assert proxy["load_balancing"]["selection_policy"] == policy
    assert proxy["stream_close_delay"] == "300000ms"
    server = found["apps"]["http"]["servers"]["tls"]
    assert server["trusted_proxies"] == {"source": "static", "ranges": ["10.0.0.0/8"]}
    assert "trusted_proxies" not in proxy


@pytest.mark.parametrize(
    "given_",
    [
        {"listen": "nowhere"},
        {"trusted_proxies": ("10.0.0.0/99",)},
        {"http_port": 443},
        {"admin": "localhost"},
        {"self_url": "file:///etc/passwd"},
        {"token_env": "a b"},
        {"email": "{env.HOME}@example.org"},
    ],
)
def test_options_that_caddy_would_refuse_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given_, Options)
