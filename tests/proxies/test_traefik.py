"""A real Traefik, set up as `docs/proxies/traefik.md` says, lives on what a server renders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import yaml
from hypothesis import given, settings

from labels.model import Check, Key, Member, Route, Settings, Table
from labels.render.options import read_options
from labels.render.traefik import Options, Renderer
from tests.lab.echo import Echo, Source
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.lab.traefik import Traefik
from tests.lab.waiting import wait_until
from tests.labels.render.tables import member, route, table, tables

PAGE = Path(__file__).parents[2] / "docs" / "proxies" / "traefik.md"
PLAIN = Settings(https=False, redirect_https=False)
PATIENCE = 60.0


class Fleet(Source):
    """Renders a table by the options in the URL, as fleet does."""

    def __init__(self) -> None:
        self.table = table()
        super().__init__()

    def document(self, target: str) -> bytes:
        options = read_options(Options, parse_qs(urlsplit(target).query))
        return Renderer(options).render(self.table).body


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet() as server:
        yield server


@pytest.fixture
def traefik() -> Iterator[Traefik]:
    try:
        part = Traefik()
    except MissingPartError as error:
        skip_or_fail(str(error))
    with part:
        yield part


@pytest.fixture
def backends() -> Iterator[dict[str, Echo]]:
    with Echo("one") as one, Echo("two") as two, Echo("three") as three:
        yield {"one": one, "two": two, "three": three}


def run(traefik: Traefik, fleet: Fleet, query: str, **more: Any) -> None:
    """Start with the files of the page: other addresses, in a hurry, and these options."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    text, own = blocks[0], yaml.safe_load(blocks[1])
    file = traefik.folder / "own.yml"
    for old, new in (
        ("http://fleet.example:8080/api/revp/traefik", f"{fleet.url}/api/revp/traefik?{query}"),
        ("/etc/traefik/own.yml", str(file)),
        ('":80"', f'"127.0.0.1:{traefik.port}"'),
        ('":443"', f'"127.0.0.1:{traefik.tls_port}"'),
        ("pollInterval: 5s", "pollInterval: 100ms"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    for name in ("limit", "A_b.c-d", "-", "web-0"):  # those of generated tables
        own["http"]["middlewares"][name] = {"compress": {}}
    file.write_text(yaml.safe_dump(own))
    config = yaml.safe_load(text)
    config["providers"]["providersThrottleDuration"] = "100ms"
    traefik.run(config | more)


def at(name: str, backend: Echo, *, weight: int = 1) -> Member:
    return member(f"edge/{name}", "127.0.0.1", backend.port, weight=weight)


def taken(traefik: Traefik, wanted: Table) -> bool:
    """Whether Traefik has the routers of this table, and no others."""
    names = {name for name in traefik.of_fleet("routers") if not name.endswith("_http")}
    return len(names) == len(wanted.routes)


def who(traefik: Traefik, host: str, target: str = "/", *, tls: bool = False) -> tuple[str, str]:
    said = traefik.get(host, target, tls=tls).said
    return said["name"], said["target"]


def test_requests_go_where_the_table_says(
    traefik: Traefik, fleet: Fleet, backends: dict[str, Echo]
) -> None:
    one, two, three = backends.values()
    replace = partial(msgspec.structs.replace, PLAIN)
    stripped = replace(strip_prefix="/api", headers=(("X-Team", "a; b=c"),))
    check = Check(path="/healthy", interval=0.2, timeout=5.0)
    fleet.table = table(
        route("a.test", at("a", one), settings=Settings()),
        route("a.test", at("b", two), path="/api", settings=stripped),
        route("a.test", at("c", three), path="/api/v2", settings=PLAIN),
        route("*.wild.test", at("d", one), settings=replace(policy="least_conn")),
        route("*.wild.test", at("e", two), path="/docs", settings=replace(policy="ip_hash")),
        route("www.wild.test", at("f", three), settings=PLAIN),
        route("off.test", at("g", one), settings=replace(strip_prefix="/x.y")),
        route(
            "pool.test",
            at("h", one, weight=3),
            at("i", two),
            settings=replace(check=check),
        ),
        route("down.test", settings=replace(check=check)),
        route("locked.test", at("j", one), settings=replace(middlewares=("auth",))),
        route("lacks.test", at("k", one), settings=replace(middlewares=("nosuch",))),
    )
    run(traefik, fleet, "minor=6")
    wait_until(lambda: taken(traefik, fleet.table), "Traefik has all routes", PATIENCE)
    assert "Bearer TOKEN" in {headers.get("authorization") for _, headers in fleet.asked}

    redirect = traefik.get("a.test", "/x?y=1")
    assert (redirect.status, redirect.headers["location"]) == (301, "https://a.test/x?y=1")
    assert who(traefik, "a.test", "/x?y=1", tls=True) == ("one", "/x?y=1")
    assert who(traefik, "a.test", "/api") == ("two", "/")
    assert who(traefik, "a.test", "/api/x?y") == ("two", "/x?y")
    assert traefik.get("a.test", "/apis").status == 301
    assert who(traefik, "a.test", "/api/v2/x") == ("three", "/api/v2/x")
    headers = traefik.get("a.test", "/api").said["headers"]
    assert (headers["x-team"], headers["host"]) == ("a; b=c", "a.test")
    assert who(traefik, "any.wild.test") == ("one", "/")
    assert who(traefik, "any.wild.test", "/docs/x") == ("two", "/docs/x")
    assert who(traefik, "www.wild.test", "/docs") == ("three", "/docs")
    for unknown in ("wild.test", "b.any.wild.test", "none.test", "lacks.test"):
        assert traefik.get(unknown).status == 404
    paths = ("/x.y/a", "/x.y", "/x.yz", "/xyy/a")
    reached = [who(traefik, "off.test", path)[1] for path in paths]
    assert reached == ["/a", "/", "/x.yz", "/xyy/a"]
    assert traefik.get("down.test").status == 503
    assert traefik.get("locked.test").status == 401
    served = Counter(who(traefik, "pool.test")[0] for _ in range(40))
    assert served == {"one": 30, "two": 10}
    wait_until(lambda: {"/healthy"} <= {*one.asked, *two.asked}, "backends are checked", PATIENCE)


def test_changes_arrive_and_failures_of_fleet_change_nothing(
    traefik: Traefik, fleet: Fleet, backends: dict[str, Echo]
) -> None:
    one, two, _ = backends.values()
    fleet.table = table(route("a.test", at("a", one), settings=PLAIN))
    run(traefik, fleet, "")
    wait_until(lambda: traefik.get("a.test").status == 200, "the route is there", PATIENCE)
    fleet.failure = "503"
    before = len(fleet.asked)
    wait_until(lambda: len(fleet.asked) >= before + 2, "Traefik asks again", PATIENCE)
    assert who(traefik, "a.test") == ("one", "/")
    fleet.table = table(route("a.test", at("b", two), settings=PLAIN))
    fleet.failure = ""
    wait_until(lambda: who(traefik, "a.test") == ("two", "/"), "it has moved", PATIENCE)
    fleet.table = table(route("a.test", settings=PLAIN))
    wait_until(lambda: traefik.get("a.test").status == 503, "its pool is empty", PATIENCE)
    fleet.table = table()
    wait_until(lambda: traefik.get("a.test").status == 404, "it is gone", PATIENCE)


@cache
def whatever() -> Table:
    """Routes of many generated tables, without resolvers, as there are none."""
    found: dict[Key, Route] = {}

    @settings(derandomize=True, deadline=None, max_examples=60, database=None)
    @given(tables())
    def collect(made: Table) -> None:
        for each in made.routes:
            own = msgspec.structs.replace(each.settings, certificate_resolver="")
            found.setdefault(each.key, msgspec.structs.replace(each, settings=own))

    collect()
    return table(*found.values())


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("minor=6", {}),
        # Traefik 3 takes the rules of version 2 then, and what else there is in both.
        ("version=2", {"core": {"defaultRuleSyntax": "v2"}}),
    ],
)
def test_traefik_takes_whatever_there_is(
    traefik: Traefik, fleet: Fleet, query: str, more: dict[str, Any]
) -> None:
    fleet.table = whatever()
    assert len(fleet.table.routes) >= 20
    run(traefik, fleet, query, **more)
    wait_until(lambda: taken(traefik, fleet.table), "Traefik has all routes", PATIENCE)
    for kind in ("routers", "services", "middlewares"):
        wrong = {
            name: each.get("error")
            for name, each in traefik.of_fleet(kind).items()
            if each["status"] != "enabled" or each.get("error")
        }
        assert wrong == {}, traefik.log()[-2000:]
