"""Where a change may come from, and what proves the way to a provider and back."""

from typing import Any, cast

import pytest
from litestar.types import Scope

from web.access.cookies import session_cookie
from web.access.csrf import check_same_origin, check_unsafe
from web.access.entering import Entrance
from web.access.locations import local_path, login_path
from web.access.oidc import SECONDS, Journey, claim, name_of, read_journey, role_of
from web.problems import Problem

HOST = "fleet.example:8443"


def asked(scheme: str = "https", host: str = HOST, **headers: str) -> Scope:
    said = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    coded = [(name.encode(), value.encode()) for name, value in said.items()]
    return cast("Scope", {"type": "http", "scheme": scheme, "headers": coded})


@pytest.mark.parametrize(
    "scope",
    [
        asked(origin="https://fleet.example:8443", sec_fetch_site="same-origin"),
        asked(origin="https://FLEET.example:8443"),
        asked(referer="https://fleet.example:8443/login?next=/x"),
        asked(sec_fetch_site="none"),
        asked(host="fleet.example", origin="https://fleet.example:443"),
        asked("http", host="fleet.example", origin="http://fleet.example"),
        # A proxy ended the TLS, and nobody told us that it is one.
        asked("http", host="fleet.example", origin="https://fleet.example"),
        asked("http", host="[::1]:8080", origin="http://[::1]:8080"),
    ],
)
def test_pages_of_ours_may(scope: Scope) -> None:
    check_unsafe(scope)


@pytest.mark.parametrize(
    "scope",
    [
        asked(origin="https://fleet.example"),
        asked(origin="https://fleet.example:8443.evil.example"),
        asked(origin="https://evil.example:8443"),
        asked(origin="http://fleet.example:8443"),
        asked(origin="null"),
        asked(origin="https://"),
        asked(origin="https://fleet.example:x"),
        asked(origin="file://fleet.example:8443"),
        asked(referer="https://evil.example/fleet.example:8443/"),
        asked(referer="https://fleet.example:8443@evil.example/"),
        asked(sec_fetch_site="cross-site", origin="https://fleet.example:8443"),
        asked(sec_fetch_site="same-site"),
        asked(host="", origin="https://fleet.example"),
    ],
)
def test_pages_of_others_may_not(scope: Scope) -> None:
    with pytest.raises(Problem) as refused:
        check_same_origin(scope)
    assert refused.value.kind == "wrong-origin"


def test_a_session_is_used_by_who_says_where_from() -> None:
    check_same_origin(asked())  # to begin one a program need not
    with pytest.raises(Problem):
        check_unsafe(asked())


def test_cookies_are_found_among_others_and_nonsense() -> None:
    assert session_cookie(asked(cookie="a=1; __Host-fleet=x; fleet_session=y")) == "x"
    assert session_cookie(asked("http", cookie="a=1; __Host-fleet=x; fleet_session=y")) == "y"
    for nonsense in ("", "__Host-fleet", "\x00__Host-fleet=x", "__Host-fleet=" + "x" * 9000):
        assert session_cookie(asked(cookie=nonsense)) == ""


def test_the_way_on_is_a_path_of_ours() -> None:
    assert local_path("/account?x=1&y=%2F") == "/account?x=1&y=%2F"
    assert login_path("/account?x=1") == "/login?next=/account%3Fx%3D1"
    assert login_path("//evil.example") == "/login"
    assert local_path("/\N{SNOWMAN}") == "/"


def test_a_journey_is_read_back_only_as_it_was_and_in_time() -> None:
    journey = Journey(secret="s" * 43, began=1000, following="/account")
    written = journey.written()
    assert read_journey(written, 1000 + SECONDS) == journey
    assert read_journey(written, 1001 + SECONDS) is None
    assert read_journey(written, 999) is None
    for broken in ("", "..", written[1:], written.replace("1000", "x"), written + "!"):
        assert read_journey(broken, 1000) is None
    other = read_journey(written.replace(".1000.", ".1001."), 1001)
    assert other is not None
    whats = ("state", "nonce", "verifier")
    derived = {each.derived(what) for each in (journey, other) for what in whats}
    assert len(derived) == 6  # who changes anything has another state
    assert all(43 <= len(each) <= 128 and "sss" not in each for each in derived)


def test_groups_give_the_highest_role() -> None:
    entrance = Entrance(
        people=cast("Any", None),
        roles={"a": "admin", "v": "viewer"},
        role_claim="realm_access.roles",
    )
    for groups, role in (
        (["v", "a"], "admin"),
        (["v"], "viewer"),
        ("a", "admin"),
        (["x"], None),
        (None, None),
        ([["a"]], None),
    ):
        assert role_of({"realm_access": {"roles": groups}}, entrance) == role
    assert claim({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert claim({"a": 1}, "a.b") is None
    assert name_of({"sub": "4", "email": "a@b"}, "nickname") == "a@b"
    assert name_of({"sub": "4", "name": ["x"]}, "nickname") == "4"
