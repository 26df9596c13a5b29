"""A real Caddy, set up as `docs/proxies/caddy.md` says, pulls what a small server renders."""

from __future__ import annotations

import http.client
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from labels.model import Member, Route, Settings
from labels.render.caddy import Options, Renderer
from labels.render.options import read_options
from tests.lab.caddy import Caddy
from tests.lab.echo import Echo, Source
from tests.lab.fixtures import Lab
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until
from tests.labels.render.tables import member, route, table

PAGE = Path(__file__).parents[2] / "docs" / "proxies" / "caddy.md"
PLAIN = Settings(https=False, redirect_https=False)
PATIENCE = 60.0


class Fleet(Source):
    """Renders a table by the options in the URL, as fleet does."""

    def __init__(self) -> None:
        self.table = table()
        super().__init__()

    def document(self, target: str) -> bytes:
        given = parse_qs(urlsplit(target).query)
        options = read_options(Options, {"self_url": [self.url + target]} | given)
        return Renderer(options).render(self.table).body


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet() as server:
        yield server


@pytest.fixture
def caddy(lab: Lab) -> Caddy:
    return lab.caddy()


def first_file(caddy: Caddy, fleet: Fleet, **options: str) -> bytes:
    """The file of the page, on other ports, in a hurry."""
    text = PAGE.read_text()
    block = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert block
    said = {
        "listen": "127.0.0.1",
        "http_port": str(caddy.port),
        "https_port": str(caddy.tls_port),
        "admin": caddy.admin,
        "load_delay": "0.2",
        "https": "off",
    } | options
    more = "".join(f"&{name}={value}" for name, value in said.items())
    found = json.loads(block[1].replace("http://127.0.0.1:8080", fleet.url))
    found["admin"]["listen"] = caddy.admin
    found["admin"]["config"]["load_delay"] = "0.2s"
    found["admin"]["config"]["load"]["url"] += more
    return msgspec.json.encode(found)


def start(caddy: Caddy, fleet: Fleet, *words: str, **options: str) -> None:
    """Start Caddy with the file of the page, and wait for the first document."""
    file = first_file(caddy, fleet, **options)
    caddy.run(file, *words, environment={"FLEET_TOKEN": "secret"})
    wait_until(lambda: "apps" in caddy.config(), "the first document", PATIENCE)


def backend(echo: Echo, **more: Any) -> Member:
    return member(f"h/{echo.name}", "127.0.0.1", echo.port, **more)


def plain(domain: str, *members: Member, path: str = "/", **terms: Any) -> Route:
    return route(domain, *members, path=path, settings=msgspec.structs.replace(PLAIN, **terms))


def reached(caddy: Caddy, host: str, target: str = "/") -> tuple[int, str, str]:
    """Status, the backend's name, and what it was asked."""
    answer = caddy.get(host, target)
    if answer.status != 200:
        return answer.status, "", ""
    return 200, answer.said["name"], answer.said["target"]


def turns(fleet: Fleet) -> int:
    """How often Caddy has come for a document: each time it asks ten times."""
    return len(fleet.asked) // 10


def wait_for_turns(fleet: Fleet, number: int) -> None:
    last = turns(fleet) + number
    wait_until(lambda: turns(fleet) >= last, f"{number} pulls", PATIENCE)


def test_requests_reach_what_the_table_says(lab: Lab, caddy: Caddy, fleet: Fleet) -> None:
    a, b = lab.echo("a"), lab.echo("b")
    hostile = "{env.FLEET_TOKEN} \\{x\\} {"
    fleet.table = table(
        plain("a.example", backend(a)),
        plain("a.example", backend(b), path="/p", strip_prefix="/p", headers=(("X-A", hostile),)),
        plain("a.example", backend(a), path="/p/q"),
        plain("api.example", backend(a), strip_prefix="/api", pass_host_header=False),
        plain("*.wild.example", backend(a)),
        plain("w.wild.example", backend(b), path="/only"),
        plain("three.example", backend(a, weight=30), backend(b, weight=10)),
        plain("empty.example"),
        *(plain(f"n{number}.example", backend(b)) for number in range(150)),
    )
    start(caddy, fleet)
    assert fleet.asked[-1][1]["authorization"] == "Bearer secret"
    wanted = {
        ("a.example", "/"): (200, "a", "/"),
        ("A.Example:80", "/x?y=/p"): (200, "a", "/x?y=/p"),
        ("a.example", "/p"): (200, "b", "/"),
        ("a.example", "/p/x?y=1"): (200, "b", "/x?y=1"),
        ("a.example", "/%70/x%2Fy"): (200, "b", "/x%2Fy"),
        ("a.example", "/px"): (200, "a", "/px"),
        ("a.example", "/p/q/r"): (200, "a", "/p/q/r"),
        ("api.example", "/api/x"): (200, "a", "/x"),
        ("api.example", "/apis"): (200, "a", "/apis"),
        ("x.wild.example", "/"): (200, "a", "/"),
        ("w.wild.example", "/only/x"): (200, "b", "/only/x"),
        ("w.wild.example", "/"): (200, "a", "/"),
        ("X.Wild.Example", "/"): (200, "a", "/"),
        ("N149.example", "/"): (200, "b", "/"),
        ("x.y.wild.example", "/"): (404, "", ""),
        ("wild.example", "/"): (404, "", ""),
        ("empty.example", "/x"): (503, "", ""),
        ("none.example", "/"): (404, "", ""),
    }
    assert {asked: reached(caddy, *asked) for asked in wanted} == wanted
    assert caddy.get("a.example", "/p").said["headers"]["x-a"] == hostile
    assert caddy.get("api.example").said["headers"]["host"] == f"127.0.0.1:{a.port}"
    assert caddy.get("a.example").said["headers"]["host"] == "a.example"
    names = Counter(reached(caddy, "three.example")[1] for _ in range(8))
    assert names == {"a": 6, "b": 2}


def test_a_change_arrives_and_what_is_the_same_is_not_applied(
    lab: Lab, caddy: Caddy, fleet: Fleet
) -> None:
    a, b = lab.echo("a"), lab.echo("b")
    fleet.table = table(plain("a.example", backend(a)))
    start(caddy, fleet)
    wait_for_turns(fleet, 3)
    applied = "successfully applied dynamically-loaded config"
    assert caddy.log().count(applied) == 1
    fleet.table = table(plain("a.example", backend(b)), plain("b.example", backend(b)))
    wait_until(lambda: reached(caddy, "b.example")[0] == 200, "the change", PATIENCE)
    assert reached(caddy, "a.example") == (200, "b", "/")
    wait_for_turns(fleet, 2)
    assert caddy.log().count(applied) == 2
    fleet.table = table(plain("a.example"))
    wait_until(lambda: reached(caddy, "b.example")[0] == 404, "the next change", PATIENCE)
    assert reached(caddy, "a.example")[0] == 503


def test_connections_that_caddy_leaks_end_by_the_timeout(caddy: Caddy, fleet: Fleet) -> None:
    start(caddy, fleet, load_timeout="0.5", load_delay="0.5")
    wait_for_turns(fleet, 6)
    assert fleet.accepted > 40  # it does leak
    assert fleet.connections < 40


@pytest.mark.parametrize("failure", ["503", "cut", "refused"])
def test_failures_of_fleet_leave_the_configuration_and_the_polling(
    lab: Lab, caddy: Caddy, fleet: Fleet, failure: str
) -> None:
    a = lab.echo("a")
    fleet.table = table(plain("a.example", backend(a)))
    start(caddy, fleet)
    if failure == "refused":
        fleet.refuse()
        fleet.cut()
    else:
        fleet.failure = "503" if failure == "503" else "cut"
    gave_up = "failed loading dynamic config; will retry"
    wait_until(lambda: gave_up in caddy.log(), "a failed pull", PATIENCE)
    assert reached(caddy, "a.example") == (200, "a", "/")
    fleet.table = table(plain("b.example", backend(a)))
    fleet.failure = ""
    if failure == "refused":
        fleet.accept_again()
    wait_until(lambda: reached(caddy, "b.example")[0] == 200, "the change", PATIENCE)
    assert reached(caddy, "a.example")[0] == 404


def test_it_starts_again_without_fleet(lab: Lab, caddy: Caddy, fleet: Fleet) -> None:
    a = lab.echo("a")
    fleet.table = table(plain("a.example", backend(a)))
    start(caddy, fleet, "--resume")
    caddy.stop()
    fleet.refuse()
    fleet.cut()
    file = first_file(caddy, fleet)
    caddy.run(file, "--resume", environment={"FLEET_TOKEN": "secret"})
    wait_until(lambda: _answers(caddy, "a.example"), "the last configuration", PATIENCE)
    assert reached(caddy, "a.example") == (200, "a", "/")
    fleet.table = table(plain("b.example", backend(a)))
    fleet.accept_again()
    wait_until(lambda: reached(caddy, "b.example")[0] == 200, "the change", PATIENCE)


def _answers(caddy: Caddy, host: str) -> bool:
    try:
        return caddy.get(host).status > 0
    except (OSError, http.client.HTTPException):
        return False


def test_a_backend_that_refuses_loses_no_request(lab: Lab, caddy: Caddy, fleet: Fleet) -> None:
    a, b = lab.echo("a"), lab.echo("b")
    dead = member("h/dead", "127.0.0.1", free_port())
    policies = ("round_robin", "least_conn", "random", "ip_hash", "first")
    pools = (plain(f"{name}.example", dead, backend(a), policy=name) for name in policies)
    checked = Settings(https=False, redirect_https=False)
    fleet.table = table(*pools, route("pair.example", backend(a), backend(b), settings=checked))
    start(caddy, fleet)
    for name in policies:
        statuses = [caddy.get(f"{name}.example", method="POST").status for _ in range(6)]
        assert statuses == [200] * 6, name
    b.refuse()
    b.cut()
    assert [reached(caddy, "pair.example")[1] for _ in range(6)] == ["a"] * 6


def test_tls_is_served_and_plain_requests_are_sent_there(
    lab: Lab, caddy: Caddy, fleet: Fleet
) -> None:
    a = lab.echo("a")
    fleet.table = table(
        route("sent.example", backend(a), settings=Settings()),
        route("both.example", backend(a), settings=Settings(redirect_https=False)),
        route("*.wild.example", backend(a), settings=Settings()),
        plain("plain.example", backend(a)),
        route("down.example", settings=Settings()),
    )
    start(caddy, fleet, https="internal")
    for host in ("sent.example", "both.example", "x.wild.example"):
        wait_until(partial(_serves_tls, caddy, host), f"TLS of {host}", PATIENCE)
    assert caddy.get("down.example", tls=True).status == 503
    sent = caddy.get("sent.example", "/x?y=1")
    assert sent.status == 308
    assert sent.headers["location"] == f"https://sent.example:{caddy.tls_port}/x?y=1"
    assert caddy.get("both.example").status == 200
    assert caddy.get("plain.example").status == 200
    assert caddy.get("none.example").status == 404


def _serves_tls(caddy: Caddy, host: str) -> bool:
    try:
        return caddy.get(host, tls=True).status == 200
    except OSError:
        return False
