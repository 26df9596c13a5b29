import json
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Site
from tests.cli.running import Fleet, plain
from tests.lab.containers import ContainerSpec
from tests.lab.fixtures import Lab
from tests.lab.rubbish import Rubbish
from tests.lab.waiting import wait_until


def test_all_is_well(fleet: Fleet, site: Site) -> None:
    shown = fleet.out("status")
    assert "3 of 3 hosts up (asked 3 hosts directly)\nok\n" in shown
    rows = {line.split()[0]: line for line in shown.splitlines()[1:4]}
    assert list(rows) == ["data", "edge", "local"]
    assert "ssh (streamlocal)" in rows["edge"]
    assert all(f" {site.engine.version}" in row and " 1/2 " in row for row in rows.values())
    assert all("%" in row and "iB" in row and " ms" in row for row in rows.values())


def test_a_host_that_is_away_says_why_and_what_to_do(site: Site, tmp_path: Path) -> None:
    away = f'[hosts.away]\nconnection = "local"\nsocket = "{tmp_path}/none.sock"\n'
    off = '[hosts.off]\nconnection = "ssh"\naddress = "192.0.2.1"\nenabled = false\n'
    fleet = site.fleet(tmp_path, away + off)
    shown = fleet.out("status", "--no-stats", code=2)
    assert f"there is no socket {tmp_path}/none.sock" in shown
    assert "  next: is " in shown
    assert "3 of 4 hosts up" in shown
    assert shown.endswith("down: away is down\n")
    assert "disabled" in shown
    found = json.loads(fleet.out("status", "--no-stats", "--json", code=2))
    assert found["source"] == "probe"
    assert found["verdict"] == "down"
    statuses = {host["name"]: host["status"] for host in found["hosts"]}
    assert statuses == {
        "away": "down",
        "data": "up",
        "edge": "up",
        "local": "up",
        "off": "disabled",
    }
    assert fleet.run("status", "--no-stats", "local", "off").returncode == 0
    assert fleet.run("status", "--no-stats", "--label", "site=fra").returncode == 0
    assert "edge" not in fleet.out("status", "--no-stats", "--host", "local")


def test_a_label_that_no_host_has_is_not_well(fleet: Fleet) -> None:
    mistyped = fleet.run("status", "--no-stats", "--label", "sight=fra")
    assert mistyped.returncode == 3
    assert "no host has the label 'sight=fra'" in mistyped.stderr
    assert "site=fra" in mistyped.stderr


def test_an_unhealthy_container_is_degraded(fleet: Fleet, site: Site) -> None:
    sick = site.engine.run_container("sick", ContainerSpec(health="false"))
    try:
        docker = site.engine.docker
        wait_until(lambda: "(unhealthy)" in docker("ps"), "the container is unhealthy")
        shown = fleet.out("status", "--no-stats", "local", code=1)
        assert "degraded: local has 1 unhealthy" in shown
    finally:
        site.engine.docker("rm", "-f", sick)


def test_a_silent_host_delays_nothing_beyond_the_timeout(
    lab: Lab, site: Site, tmp_path: Path
) -> None:
    silent = lab.rubbish(Rubbish.SILENCE)
    assert isinstance(silent.address, tuple)
    more = (
        '[hosts.silent]\nconnection = "tcp"\naddress = "127.0.0.1"\n'
        f"port = {silent.address[1]}\ninsecure = true\n"
    )
    fleet = site.fleet(tmp_path, more)
    begun = time.monotonic()
    shown = fleet.out("status", "--no-stats", "--timeout", "2", code=2)
    assert 2 <= time.monotonic() - begun < 20
    assert "3 of 4 hosts up" in shown
    assert "silent is down" in shown


def test_a_terminal_gets_what_fits_and_progress(fleet: Fleet) -> None:
    for columns in (80, 50):
        code, shown = fleet.terminal("status", "--no-stats", columns=columns)
        assert code == 0
        assert "probing 0/3, waiting for" in shown
        table = plain(shown.rpartition("\x1b[K")[2]).splitlines()[:4]
        assert table[0].startswith("HOST")
        assert [line.split()[0] for line in table[1:]] == ["data", "edge", "local"]
        assert all(len(line) <= columns for line in table)


def test_no_colour_where_none_is_wanted(fleet: Fleet) -> None:
    assert "\x1b[" not in fleet.out("status", "--no-stats")
    quiet = {"NO_COLOR": "1"}
    _, shown = fleet.terminal("status", "--no-stats", environment=quiet)
    assert "\x1b[3" not in shown.replace("\x1b[K", "")
    _, shown = fleet.terminal("status", "--no-stats")
    assert "\x1b[32m" in shown


def test_watching_refreshes_until_it_is_interrupted(fleet: Fleet) -> None:
    words = ("status", "--watch", "--no-stats", "--interval", "0.2")
    code, shown = fleet.terminal(*words, until=lambda t: t.count("hosts up") >= 3, keys=b"\x03")
    assert code == 0
    assert "Traceback" not in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is back


@pytest.mark.parametrize("words", [("events", "-f"), ("logs", "local/web", "-f")])
def test_an_interrupt_ends_quietly(fleet: Fleet, words: tuple[str, ...]) -> None:
    code, shown = fleet.terminal(*words, until=lambda t: "web" in t or "out" in t, keys=b"\x03")
    assert code == 130
    assert "Traceback" not in shown
