"""The commands against a fleet that is running."""

import json
import re
import subprocess

from tests.cli.conftest import Site
from tests.cli.running import Fleet, Lines
from tests.lab.cache import docker_cli
from tests.lab.waiting import wait_until


def test_status_is_told_by_the_running_fleet(up: Fleet) -> None:
    shown = up.run("status").stdout
    assert "3 of 3 hosts up (the running fleet at http://127.0.0.1:" in shown
    assert "storage: " in shown
    found = json.loads(up.run("status", "--json").stdout)
    assert (found["source"], len(found["hosts"])) == ("fleet", 3)
    assert found["fleet"]["hosts_up"] == 3
    assert json.loads(up.run("status", "--direct", "--json").stdout)["source"] == "probe"


def test_lists_are_the_same_with_and_without_a_running_fleet(up: Fleet) -> None:
    def names(*words: str) -> list[tuple[str, str]]:
        found = json.loads(up.out("ps", "-a", "--json", *words))["containers"]
        return [(each["host"], each["name"]) for each in found]

    assert names() == names("--direct")
    assert names("--host", "edge") == names("--direct", "--host", "edge") != []


def test_a_second_fleet_is_refused(up: Fleet) -> None:
    done = up.spawn("up")
    assert done.returncode == 1
    assert "another fleet is running at http://127.0.0.1:" in done.stderr
    assert re.search(r" since \d{4}-\d\d-\d\d \d\d:\d\d, with /", done.stderr)
    assert "Traceback" not in done.stderr


def test_any_docker_tool_reaches_the_hosts(up: Fleet, site: Site) -> None:
    for host in ("local", "edge", "data"):
        address = up.out("env", host).strip()
        assert address.startswith("unix://")
        command = [docker_cli(), "-H", address, "ps", "-aq"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == site.engine.docker("ps", "-aq")
        assert up.docker(host, "ps", "-aq") == site.engine.docker("ps", "-aq")
    assert up.out("env", "--shell", "edge").startswith("export DOCKER_HOST=unix:///")


def test_events_are_followed_through_the_running_fleet(up: Fleet, site: Site) -> None:
    words = ("events", "--json", "--host", "edge", "--action", "pause", "--since", "1h")
    with up.start(*words, "-f") as following:
        lines = Lines(following)

        def make(count: int) -> None:
            site.engine.docker("pause", "web")
            site.engine.docker("unpause", "web")
            wait_until(lambda: len(lines.read()) >= count, "the event is seen", 60)

        make(1)  # may be of the past when following begins, or come while it begins
        make(2)
        past = up.out(*words).encode().splitlines()
        wait_until(lambda: lines.read() == past, "what was seen is what happened", 60)
        assert following.interrupt() == 130
    last = json.loads(past[-1])
    assert (last["host"], last["name"], last["action"]) == ("edge", "web", "pause")


def test_a_refused_configuration_is_shown_while_the_old_one_runs(up: Fleet) -> None:
    before = up.config.read_text()
    up.config.write_text(before + "\n[hosts.broken]\n")
    try:
        wait_until(
            lambda: "was refused" in up.run("status").stdout, "the file is refused", every=0.3
        )
        done = up.run("status")
        assert done.returncode == 1
        assert "hosts.broken" in done.stdout
        assert "3 of 3 hosts up" in done.stdout
    finally:
        up.config.write_text(before)
    wait_until(lambda: "refused" not in up.run("status").stdout, "the file is taken", every=0.3)
