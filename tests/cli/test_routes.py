"""What `fleet routes` shows, from documents of a real table, and what it refuses."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from threading import Timer
from typing import get_args

import msgspec
import pytest
from click.shell_completion import ShellComplete
from msgspec.structs import replace

from fleet.cli import route_issues
from fleet.cli.errors import USAGE, CommandError
from fleet.cli.root import cli
from fleet.cli.route_changes import change_lines
from fleet.cli.route_drift import drift_lines, drift_table
from fleet.cli.route_explain import lines, place_of
from fleet.cli.route_sources import PATHS, Found, Wanted, parse_options
from fleet.cli.route_tables import is_bad, routes_table, shown, unserved
from fleet.cli.routes import FORMATS, PARTS
from fleet.cli.routes_drift import KINDS
from fleet.cli.table import Cell, Table
from labels.drift.comparing import ProxyKind
from labels.render.formats import FORMATS as MADE
from tests.cli.running import FLEET, Fleet
from tests.cli.test_older_fleet import BASE, answering
from tests.web.routes_in_memory import RoutesInMemory
from web.documents import Page
from web.revp.describing import (
    describe_conflict,
    describe_container,
    describe_issue,
    describe_route,
    describe_waiting,
)
from web.revp.domains import describe_domain
from web.revp.explaining import Explained, speaks_of
from web.route_documents import (
    ConflictsDocument,
    DifferenceDocument,
    DriftDocument,
    RouteIssuesDocument,
    RoutesDocument,
    ServedDocument,
    WaitingRoutesDocument,
)

PAGE = Page(total=1, offset=0, limit=1)
SHOP = "shop.example.com"


@pytest.fixture
def routing() -> RoutesInMemory:
    """One pool of two, of which one is unhealthy; one conflict; one domain that nobody serves."""
    routing = RoutesInMemory()
    routing.add_host("edge")
    routing.add_host("core")
    routing.put("edge", "web", SHOP, weight="3")
    routing.put("core", "web", SHOP, weight="3", health="unhealthy")
    routing.put("edge", "xtra", SHOP, port=8081, websocket="yes", wieght="2")
    routing.put("edge", "api", f"api.{SHOP}", health="unhealthy", backend_path="/v1", https="no")
    return routing


def routes_of(routing: RoutesInMemory) -> RoutesDocument:
    table = routing.table()
    return RoutesDocument(
        revision=table.revision,
        complete=table.complete,
        missing=table.missing,
        routes=tuple(map(describe_route, table.routes)),
        page=PAGE,
    )


def issues_of(routing: RoutesInMemory) -> RouteIssuesDocument:
    issues = tuple(map(describe_issue, routing.table().issues))
    return RouteIssuesDocument(revision=1, issues=issues, page=PAGE)


def explained(routing: RoutesInMemory, name: str, covered: str = "", path: str = "/") -> Explained:
    table, changes = routing.table(), routing.recent_changes(100)
    containers = list(map(describe_container, routing.containers()))
    asking = [
        each for each in containers if {wish.domain for wish in each.wishes} & {name, covered}
    ]
    known = describe_domain(name, table, changes)
    return Explained(
        domain=name,
        complete=table.complete,
        missing=table.missing,
        known=known,
        covered=describe_domain(covered, table, changes) if covered else None,
        containers=tuple(asking),
        speaking=tuple(each for each in containers if not asking and speaks_of(each, name)),
        path=path,
        changes=known.changes if known else (),
    )


def texts(cells: Iterable[Cell]) -> str:
    return "\n".join(cell.text for cell in cells)


def rows(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


ROUTES = Wanted("routes")


def test_a_route_has_a_row_for_each_backend(routing: RoutesInMemory) -> None:
    found = rows(routes_table(routes_of(routing).routes))
    api, core, edge = found
    assert api[:3] == [f"api.{SHOP}/v1", "down", "edge/api"]
    assert core[:4] == [SHOP, "degraded 1/2", "core/web", "10.0.0.2:8080"]
    assert core[4].startswith("unhealthy ")
    assert edge[:5] == [SHOP, "degraded 1/2", "edge/web", "10.0.0.1:8080", "up"]
    assert [row[5] for row in found] == ["no", "yes", "yes"]
    assert [row[7] for row in found] == ["1", "3", "3"]


def test_what_is_down_or_not_there_is_bad(routing: RoutesInMemory) -> None:
    found = routes_of(routing)
    assert is_bad(found, ROUTES)  # one is down
    routing.put("edge", "api", f"api.{SHOP}", backend_path="/v1", https="no")
    found = routes_of(routing)
    assert not is_bad(found, ROUTES)
    assert not is_bad(found, Wanted("routes", domains=(SHOP.upper(), "*.nowhere.example")))
    nowhere = Wanted("routes", domains=("nowhere.example",))
    assert is_bad(found, nowhere)
    assert unserved(found, nowhere) == ["nowhere.example"]
    assert "no route for nowhere.example" in texts(shown(found, nowhere)[1])
    routing.add_host("late", listed=False)
    assert is_bad(routes_of(routing), ROUTES)
    assert "not heard of late: its routes" in texts(shown(routes_of(routing), ROUTES)[1])


def test_proxies_that_are_told_nothing_are_told_of() -> None:
    routing = RoutesInMemory()
    routing.add_host("late", listed=False)
    found = routes_of(routing)
    assert is_bad(found, ROUTES)
    assert "proxies are told nothing yet: not heard of late" in texts(shown(found, ROUTES)[1])
    assert explained(routing, SHOP).is_bad


def test_issues_are_told_whole(routing: RoutesInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    found = issues_of(routing)
    assert is_bad(found, Wanted("issues"))  # the conflict
    told = texts(shown(found, Wanted("issues"))[1])
    assert "warning  edge/xtra  snadboy.revp.wieght=2  [unknown-label]" in told
    assert "Did you mean snadboy.revp.weight?" in told
    assert told.endswith("2 issues")
    monkeypatch.setattr(route_issues, "is_terminal", lambda: True)
    monkeypatch.setattr(route_issues, "width", lambda: 44)
    narrow = shown(found, Wanted("issues"))[1]
    assert max(len(cell.text) for cell in narrow if cell.text.startswith(" ")) <= 44
    assert "snadboy.revp.weight?" in texts(narrow)  # what is to be pasted is in one piece


def test_conflicts_and_what_waits(routing: RoutesInMemory) -> None:
    conflicts = tuple(map(describe_conflict, routing.table().conflicts))
    document = ConflictsDocument(revision=1, conflicts=conflicts, page=PAGE)
    table, below = shown(document, Wanted("conflicts"))
    ((route, winner, _, loser, differs),) = rows(table)
    assert (route, winner, loser) == (SHOP, "core/web", "edge/xtra")
    assert differs == "websocket"
    assert texts(below) == "1 conflict"
    routing.put("edge", "later", "later.example.com", state="created")
    waiting = tuple(map(describe_waiting, routing.table().waiting))
    found: Found = WaitingRoutesDocument(revision=1, waiting=waiting, page=PAGE)
    table, below = shown(found, Wanted("waiting"))
    assert [row[:2] for row in rows(table)] == [["later.example.com", "edge/later"]]
    assert texts(below) == "1 route waiting"


def test_a_domain_that_is_down_is_explained(routing: RoutesInMemory) -> None:
    found = explained(routing, f"api.{SHOP}")
    told = texts(lines(found))
    assert found.is_bad
    assert told.startswith(f"api.{SHOP}: down: 0 of 1 backends get requests")
    assert f"api.{SHOP}/v1 answers 503, without edge/api (unhealthy for " in told
    assert "plain http, backends speak http" in told
    assert "yes  published: 80/tcp is published on port 8080 of 10.0.0.1" in told
    assert "no   host-network: the container has a network of its own" in told
    assert f"added    api.{SHOP}/v1  nobody serves it yet" in told


def test_a_domain_that_is_disputed_is_explained(routing: RoutesInMemory) -> None:
    found = explained(routing, SHOP)
    told = texts(lines(found))
    assert not found.is_bad
    assert f"{SHOP}: degraded: 1 of 2 backends get requests" in told
    assert f"{SHOP} answers with 1 of 2 backends, without core/web (unhealthy for " in told
    assert "edge/xtra wants it with other websocket" in told
    assert told.count("[unknown-label]") == 1  # of labels, not of the domain
    assert told.count("[conflict]") == 1


def test_what_covers_a_domain_is_explained(routing: RoutesInMemory) -> None:
    routing.put("edge", "all", "*.example.org")
    found = explained(routing, "any.example.org", "*.example.org")
    assert not found.is_bad
    told = texts(lines(found))
    assert "any.example.org: up, served by *.example.org: 1 of 1 backends get requests" in told
    assert "edge/all  10.0.0.1:8080  up" in told


def test_a_domain_without_a_route_is_explained(routing: RoutesInMemory) -> None:
    routing.put("edge", "off", "off.example.com", enabled="no")
    found = explained(routing, "off.example.com")
    assert found.is_bad
    told = texts(lines(found))
    assert "off.example.com: no route, proxies answer 404: labels speak of it, and make" in told
    assert "edge/off  (its labels ask for nothing: they are not enabled)" in told
    assert "snadboy.revp.domain=off.example.com" in told
    routing.put("edge", "later", "later.example.com", state="created")
    told = texts(lines(explained(routing, "later.example.com")))
    assert "what asks for it is not served" in told
    assert "later.example.com  edge/later: " in told


@pytest.mark.parametrize(
    "text",
    [f"https://{SHOP}/x?x=1", f"http://me@{SHOP}:8443/x/#top", f"{SHOP}:443/x", f"{SHOP}/x/"],
)
def test_a_pasted_address_names_its_domain_and_path(text: str) -> None:
    assert place_of(text) == (SHOP, "/x")
    assert place_of(text.replace("/x", "")) == (SHOP, "/")


@pytest.mark.parametrize("text", ["", "http://", "evil[", "/shop"])
def test_what_has_no_domain_is_refused(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        place_of(text)
    assert caught.value.code == USAGE


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/", "degraded: 1 of 2 "),
        ("/v1", "down: 0 of 1 "),
        ("/v1/x", f"down, served by api.{SHOP}/v1: 0 of 1 "),
        ("/v10", f"up, served by *.{SHOP}: 1 of 1 "),
        ("/v2", "up: 1 of 1 "),
    ],
)
def test_a_path_is_that_of_the_nearest_route(routing: RoutesInMemory, path: str, told: str) -> None:
    routing.put("core", "two", f"api.{SHOP}", backend_path="/v2")
    routing.put("core", "all", f"*.{SHOP}", port=8082)
    found = explained(routing, f"api.{SHOP}", f"*.{SHOP}", path)
    assert next(iter(lines(found))).text.startswith(f"api.{SHOP}{path.rstrip('/')}: {told}")
    assert found.is_bad is ("down" in told)


def test_a_path_without_a_route_is_told_of(routing: RoutesInMemory) -> None:
    found = explained(routing, f"api.{SHOP}", path="/other")
    assert found.is_bad
    assert texts(lines(found)).startswith(
        f"api.{SHOP}/other: no route, proxies answer 404: there is only api.{SHOP}/v1\n"
    )


def test_a_change_names_its_cause(routing: RoutesInMemory) -> None:
    found = explained(routing, SHOP).known
    assert found is not None
    told = texts(change_lines(found.changes[0]))
    assert told.endswith(
        f"added    {SHOP}  served by edge/web at 10.0.0.1:8080 (running of edge/web)"
    )


def test_drift_is_told_route_by_route() -> None:
    def served(domain: str, *endpoints: str) -> ServedDocument:
        return ServedDocument(domain=domain, path="/", scheme="http", endpoints=endpoints)

    found = DriftDocument(
        proxy="caddy",
        url="http://127.0.0.1:2019",
        revision=7,
        drifted=True,
        same=2,
        skipped=1,
        missing=(served("b.example", "10.0.0.1:80"),),
        extra=(served("c.example"),),
        different=(
            DifferenceDocument(
                domain="a.example",
                path="/x",
                wanted=served("a.example", "10.0.0.1:80", "10.0.0.2:80"),
                found=served("a.example", "10.0.0.1:80"),
            ),
        ),
    )
    assert rows(drift_table(found)) == [
        ["different", "a.example/x", "10.0.0.1:80", "10.0.0.1:80, 10.0.0.2:80"],
        ["missing", "b.example", "-", "10.0.0.1:80"],
        ["extra", "c.example", "no backend", "-"],
    ]
    summary, hint = (line.text for line in list(drift_lines(found))[-2:])
    assert hint.startswith("  next: ")
    assert summary == "caddy at http://127.0.0.1:2019: 3 routes astray, 2 right (revision 7)"


def test_options_of_a_document() -> None:
    assert parse_options(["a=1", "b=x=y", "a=2"]) == {"a": ["1", "2"], "b": ["x=y"]}


def test_the_command_knows_what_the_api_has() -> None:
    assert set(FORMATS) == set(MADE)
    assert {name: PATHS.get(name, name) for name in MADE} == {
        name: made.path for name, made in MADE.items()
    }
    assert set(get_args(ProxyKind)) == set(KINDS)


def test_help_loads_nothing_heavy() -> None:
    heavy = ("rich", "trio", "httpx", "litestar", "labels.render.formats", "yaml", "idna")
    for words in (["routes", "--help"], *(["routes", part, "--help"] for part in PARTS)):
        code = (
            f"import sys; from fleet.cli.root import run; run({words!r});"
            f"sys.exit(','.join(name for name in {heavy!r} if name in sys.modules) or 0)"
        )
        done = subprocess.run([FLEET[0], "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert f"fleet {' '.join(words[:-1])}" in done.stdout


def test_options_are_completed_from_the_format() -> None:
    def completed(incomplete: str) -> list[str]:
        words = ["routes", "--format", "caddy", "--set"]
        found = ShellComplete(cli, {}, "fleet", "_FLEET_COMPLETE").get_completions(
            words, incomplete
        )
        return [each.value for each in found]

    assert "https_port=" in completed("http")
    assert completed("https=") == ["https=auto", "https=internal", "https=off"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--host", "x", "changes"), "fleet routes changes --host"),
        (("--json", "preview"), "fleet routes preview --json"),
        ((SHOP,), "fleet routes explain NAME"),
        (("chnges",), "'changes'"),
        (("--issues", "--waiting"), "two lists"),
        (("--set", "a=b"), "--format"),
        (("--format", "nginx", "--watch"), "apply --follow"),
        (("--format", "nginx", "--json"), "apply --follow"),
        (("--format", "nginx", "--conflicts"), "no part of a proxy's document"),
        (("--format", "nginx", "--issues", "--set", "a=b"), "default options"),
        (("drift", "nginx", "http://127.0.0.1"), "'traefik'"),
        (("preview", "x.yml", "--label", "a=b"), "one of the two"),
        (("preview", "--label", "a"), "--label KEY=VALUE"),
    ],
)
def test_what_means_nothing_is_refused(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text('[fleet]\nlisten = "127.0.0.1:1"\n')
    done = Fleet(tmp_path / "hosts.toml").run("routes", *words)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


NEED_ONE = ((), ("--watch",), ("explain", SHOP), ("changes",), ("drift", "caddy", "http://[::1]:1"))


@pytest.mark.parametrize("words", NEED_ONE)
def test_without_a_fleet_that_has_routes_it_is_told_so(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    with answering(BASE, "unknown-path", 404, tmp_path) as fleet:
        done = fleet.run("routes", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "it is older than this command" in done.stderr
    done = fleet.run("routes", *words)  # it has ended
    assert (done.returncode, done.stdout) == (1, "")
    assert "only a running fleet knows the routes" in done.stderr


def test_a_document_of_a_table_that_is_not_complete_is_none(tmp_path: Path) -> None:
    with answering(BASE, "routes-incomplete", 503, tmp_path) as fleet:
        done = fleet.run("routes", "--format", "caddy")
    assert (done.returncode, done.stdout) == (1, "")
    assert "fleet: No history." in done.stderr  # what that fleet says of everything


def test_a_fleet_that_is_away_is_asked_again(routing: RoutesInMemory, tmp_path: Path) -> None:
    def document(revision: int) -> object:
        return msgspec.to_builtins(replace(routes_of(routing), revision=revision))

    path, known = "/api/revp/routes", dict(BASE)
    known[path] = document(7)
    with (
        answering(known, "routes-unavailable", 503, tmp_path) as fleet,
        fleet.start("routes", "--watch", "--json") as watching,
    ):
        assert watching.stdout is not None
        assert watching.stderr is not None
        last = Timer(30, watching.kill)  # so that no line is waited for in vain
        last.start()
        try:
            assert json.loads(watching.stdout.readline())["revision"] == 7
            del known[path]
            told = watching.stderr.readline()
            assert told == "fleet: No history.; asked again every second\n"
            known[path] = document(8)
            assert json.loads(watching.stdout.readline())["revision"] == 8
        finally:
            last.cancel()
            watching.terminate()
