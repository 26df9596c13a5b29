"""`fleet routes` against a running fleet, whose one Engine has three hosts' names."""

import json
import signal
from collections.abc import Iterator

import pytest
from click.shell_completion import ShellComplete

from fleet.cli import route_sources
from fleet.cli.root import cli
from tests.cli.conftest import Site
from tests.cli.running import Fleet, Lines, plain
from tests.lab.caddy import Caddy
from tests.lab.containers import ContainerSpec
from tests.lab.runs import new_part
from tests.lab.waiting import wait_until

SHOP, LOST = "shop.example.com", "lost.example.com"
# Nobody must reach what the labels name: only the table is looked at.
LABELS = {
    "shop": {
        "snadboy.revp.8080.domain": SHOP,
        "snadboy.revp.8080.backend-host": "192.0.2.7",
        "snadboy.revp.8080.helth-check": "/ready",
    },
    "lost": {"snadboy.revp.9000.domain": LOST},
}
HOSTS = ("data", "edge", "local")


@pytest.fixture(scope="module")
def routed(site: Site) -> Iterator[Fleet]:
    """A fleet without a database, a pool of three that is up, and one that no proxy can reach."""
    fleet = site.fleet(new_part("f"), '\n[storage]\nurl = "postgresql://nobody@127.0.0.1:1/x"\n')

    def is_there() -> bool:
        assert running.poll() is None, running.communicate()
        shown = fleet.run("routes").stdout
        return shown.count("192.0.2.7:8080  up") == shown.count("unreachable") == len(HOSTS)

    with fleet.start("up") as running:
        try:
            for name, labels in LABELS.items():
                site.engine.run_container(name, ContainerSpec(labels=labels))
            wait_until(is_there, "the routes are there", 60, every=0.3)
            yield fleet
        finally:
            site.engine.docker("rm", "-f", *LABELS)
            running.terminate()
            running.communicate(timeout=30)


def test_routes_are_listed(routed: Fleet) -> None:
    done = routed.run("routes")
    assert done.returncode == 1  # one is down
    assert "1 up, 1 down (revision " in done.stdout
    rows = [line.split()[:4] for line in done.stdout.splitlines() if line.startswith(SHOP)]
    assert rows == [[SHOP, "up", "3/3", f"{host}/shop"] for host in HOSTS]
    assert routed.run("routes", "--domain", "SHOP.*").returncode == 0
    found = json.loads(routed.out("routes", "--json", "--domain", SHOP))
    assert [member["host"] for member in found["routes"][0]["members"]] == list(HOSTS)
    assert found["page"] == {"total": 1, "offset": 0, "limit": 1, "next": None}


def test_a_filter_that_nothing_passes_is_told_of(routed: Fleet) -> None:
    done = routed.run("routes", "--host", "egde")
    assert (done.returncode, done.stderr) == (
        *(1,),
        "fleet: no host is called 'egde'\n  next: did you mean edge?\n",
    )
    assert "no host has the label 'site=x'" in routed.run("routes", "--label", "site=x").stderr
    done = routed.run("routes", "--domain", "shp.example.com")
    assert done.returncode == 1
    assert "no route for shp.example.com" in done.stdout
    assert routed.run("routes", "--label", "site=fra", "--domain", SHOP).returncode == 0


def test_issues_say_what_was_meant(routed: Fleet) -> None:
    shown = routed.out("routes", "--issues", code=1)
    assert shown.count("Did you mean snadboy.revp.8080.health-check?") == len(HOSTS)
    assert shown.count("[no-endpoint]") == len(HOSTS)
    of_proxy = routed.out("routes", "--issues", "--format", "nginx")
    assert "[nginx-no-certificate]" in of_proxy


def test_pages_make_one_list(routed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def issues() -> object:
        return json.loads(routed.out("routes", "--issues", "--json", code=1))

    whole = issues()
    monkeypatch.setattr(route_sources, "PAGE", 2)
    assert issues() == whole


def test_a_narrow_terminal_names_a_route_once(routed: Fleet) -> None:
    code, shown = routed.terminal("routes", columns=64)
    assert code == 1
    lines = plain(shown).splitlines()
    assert max(map(len, lines)) <= 66
    assert sum(line.startswith(SHOP) for line in lines) == 1
    assert sum("/shop " in line for line in lines) == len(HOSTS)


def test_routes_are_watched_until_ctrl_c(routed: Fleet) -> None:
    code, shown = routed.terminal(
        *("routes", "--watch", "--domain", SHOP), until=lambda text: "Ctrl-C" in text, keys=b"\x03"
    )
    assert code == 0
    assert "1 up (revision " in plain(shown)


def test_what_a_proxy_is_given(routed: Fleet) -> None:
    document = routed.out("routes", "--format", "nginx", "--set", "max_body=7m")
    assert "client_max_body_size 7m;" in document
    assert f"server_name {SHOP};" in document
    assert LOST not in routed.out("routes", "--format", "nginx", "--domain", SHOP)
    done = routed.run("routes", "--format", "nginx", "--set", "max_bdy=7m")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--set max_bdy is unknown" in done.stderr


def test_a_domain_is_explained(routed: Fleet) -> None:
    shown = routed.out("routes", "explain", f"https://{LOST}/", code=1)
    assert shown.startswith(f"{LOST}: down: 0 of 3 backends get requests\n")
    assert "edge/lost  no endpoint  no proxy can reach it for " in shown
    assert "no   published: 9000/tcp is not published, nor is any other port" in shown
    assert f"added    {LOST}  nobody serves it yet" in shown
    assert routed.out("routes", "explain", SHOP).count("yes  override: ") == len(HOSTS)
    unknown = routed.out("routes", "explain", "shpo.example.com", code=1)
    assert "no route, proxies answer 404: nothing asks for it" in unknown
    assert f"Did you mean {SHOP}" in unknown
    found = json.loads(routed.out("routes", "explain", SHOP, "--json"))
    assert (found["known"]["status"], len(found["containers"])) == ("up", 3)


def test_a_proxy_that_cannot_be_asked_is_told_of(routed: Fleet) -> None:
    done = routed.run("routes", "drift", "caddy", "http://192.0.2.1:2019")
    assert (done.returncode, done.stdout) == (1, "")
    assert "proxies" in done.stderr  # where it would be listed


def test_a_proxy_is_held_against_the_table(routed: Fleet) -> None:
    with Caddy() as caddy:
        options = (f"admin={caddy.admin}", f"http_port={caddy.port}", "https=off")
        words = ["routes", "--format", "caddy", *(w for one in options for w in ("--set", one))]
        drift = ("routes", "drift", "caddy", f"http://{caddy.admin}")
        caddy.run(routed.out(*words, "--domain", SHOP))
        shown = routed.out(*drift, code=1)
        assert shown.splitlines()[1].split() == ["missing", LOST, "-", "no", "backend"]
        assert "1 route astray, 1 right" in shown
        caddy.stop()
        caddy.run(routed.out(*words))
        assert "as it should be, 2 right" in routed.out(*drift)
        found = json.loads(routed.out(*drift, "--json"))
        assert (found["proxy"], found["drifted"]) == ("caddy", False)


def test_a_preview_meets_what_is_live(routed: Fleet) -> None:
    label = ("--label", f"snadboy.revp.9000.domain={SHOP}")
    joined = routed.out("routes", "preview", *label)
    assert f"live: {SHOP} has data/shop, edge/shop and local/shop now, which is joined" in joined
    assert "the running fleet at http://127.0.0.1:" in joined
    other = ("--label", "snadboy.revp.9000.websocket=true", "--host", "edge", "--json")
    found = json.loads(routed.out("routes", "preview", *label, *other, code=1))
    assert (found["host"], found["revision"] > 0) == ("edge", True)
    (meeting,) = found["live"]
    assert (meeting["outcome"], meeting["differs"]) == ("loses", ["websocket"])
    done = routed.run("routes", "preview", *label, "--host", "egde")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean edge?" in done.stderr
    done = routed.spawn("routes", "preview", "-", stdin="services: [}")
    assert done.returncode == 1
    assert "line 1, column 12" in done.stderr


def test_domains_are_completed(routed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in routed.environment().items():
        monkeypatch.setenv(name, value)
    complete = ShellComplete(cli, {}, "fleet", "_FLEET_COMPLETE").get_completions
    for words in (["routes", "--domain"], ["routes", "explain"], ["routes", "changes", "--domain"]):
        assert [each.value for each in complete(words, "sh")] == [SHOP]


def test_routes_and_changes_are_followed(routed: Fleet, site: Site) -> None:
    watching = routed.start("routes", "--watch", "--json", "--domain", SHOP)
    following = routed.start("routes", "changes", "-f", "--json", "--host", "edge", "-n", "1")
    with watching, following:
        outputs = [Lines(watching), Lines(following)]
        wait_until(lambda: all(output.read() for output in outputs), "both have begun", 30)
        site.engine.docker("pause", "shop")
        try:
            watched, followed = outputs
            wait_until(
                lambda: any(
                    json.loads(line)["routes"][0]["serving"] == 0 for line in watched.read()
                ),
                "the route is down",
                30,
            )
            wait_until(
                lambda: any("(paused)" in json.loads(line)["summary"] for line in followed.read()),
                "the change was told",
                30,
            )
        finally:
            site.engine.docker("unpause", "shop")
            for program in (watching, following):
                program.send_signal(signal.SIGINT)
        assert (watching.wait(20), following.wait(20)) == (0, 130)
    past = routed.out("routes", "changes", "--domain", SHOP, "--since", "1h")
    assert "edge/shop left the pool (paused)" in past
