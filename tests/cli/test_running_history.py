"""What a running fleet has kept, on the command line."""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Site
from tests.cli.running import FLEET, Fleet, Lines, plain
from tests.lab.containers import FOREVER, ContainerSpec
from tests.lab.waiting import wait_until

HOSTS = ["data", "edge", "local"]
PATIENCE = 90  # seconds for what takes 10 where nothing else runs


def keeping(*lines: str) -> ContainerSpec:
    """A container whose lines are kept: it writes these and stays."""
    said = "; ".join(f"echo '{line}'" for line in lines)
    command = ("sh", "-c", f"{said}; {FOREVER[-1]}")
    return ContainerSpec(command=command, labels={"fleet.logs": "true"})


@pytest.fixture(scope="module")
def sampled(up: Fleet) -> Fleet:
    """The running fleet, once it has stored samples of every host."""

    def stored() -> bool:
        done = up.run("top", "--last", "10m", "--json")
        found = json.loads(done.stdout)["containers"] if done.returncode == 0 else []
        return {each["host"] for each in found if each["cpu_percent"] is not None} == set(HOSTS)

    wait_until(stored, "samples of all hosts are stored", PATIENCE, every=0.5)
    return up


def test_top_over_a_span(sampled: Fleet) -> None:
    found = json.loads(sampled.out("top", "--last", "10m", "--host", "edge", "--json"))
    assert {each["host"] for each in found["containers"]} == {"edge"}
    assert found["sort"] == "cpu"
    lines = sampled.out("top", "--last", "10m", "--sort", "memory", "-n", "2").splitlines()
    assert lines[0].split()[:4] == ["HOST", "NAME", "CPU", "AVG"]
    assert len(lines) == 3
    assert len(sampled.out("top", "--last", "10m", "--label", "site=fra").splitlines()) > 1
    assert len(sampled.out("top", "--last", "10m", "--label", "site=nrt").splitlines()) == 1


def test_top_of_now_is_once_in_a_pipe_and_live_on_a_terminal(up: Fleet) -> None:
    lines = up.out("top", "--label", "site=here").splitlines()
    assert [line.split()[0] for line in lines] == ["HOST", "local"]
    code, shown = up.terminal(
        "top", columns=120, until=lambda text: "q quit" in text, keys=b"q", deadline=60
    )
    assert code == 0
    assert "most cpu first" in plain(shown)
    code, shown = up.terminal(
        *("top", "--sort", "memory"),
        columns=60,
        until=lambda text: "quit" in text,
        keys=b"\x03",
        deadline=60,
    )
    assert code == 0
    assert "Traceback" not in shown


def test_history_of_a_container(sampled: Fleet) -> None:
    shown = sampled.out("history", "edge/web", "--last", "10m")
    assert shown.startswith("edge/web  ")
    assert "running; up " in shown
    for heading in ("CPU  min ", "memory  min "):
        assert heading in shown
    found = json.loads(sampled.out("history", "edge/web", "--last", "10m", "--json"))
    assert found["stats"]["points"]
    assert found["uptime"]["state"] == "running"
    sheet = sampled.out("history", "edge/web", "--last", "10m", "--csv", "--resolution", "raw")
    assert sheet.splitlines()[0].startswith("time,host,name,container_id,samples,cpu_percent,")
    assert len(sheet.splitlines()) > 1
    code, shown = sampled.terminal("history", "edge/web", "--last", "10m", columns=50)
    assert code == 0
    assert max(map(len, plain(shown).splitlines())) <= 50


def test_history_of_what_is_not_there_tells_the_next_step(up: Fleet) -> None:
    for words, told, hint in (
        (("history", "web"), "web", "write data/web or edge/web or local/web"),
        (("history", "edge/wbe"), "wbe", "`fleet ps -a`"),
        (("history", "edge/web", "--what", "load"), "no history of load", "cpu, memory"),
    ):
        done = up.run(*words)
        assert done.returncode == 1
        assert told in done.stderr
        assert hint in done.stderr
    assert up.run("history", "edge/web", "--what", "smoke").returncode == 2
    assert up.run("history", "edge/web", "--last", "long").returncode == 2


def test_history_of_a_machine(sampled: Fleet) -> None:
    def drawn() -> bool:
        return "load  min" in sampled.run("history", "local", "--last", "10m").stdout

    wait_until(drawn, "the machine's load is stored", PATIENCE, every=0.5)
    found = json.loads(sampled.out("history", "local", "--last", "10m", "--json"))
    assert found["uptime"] is None


@pytest.fixture(scope="module")
def kept(up: Fleet, site: Site) -> Iterator[Fleet]:
    """The running fleet, once it has the lines of the container `keeps`."""
    site.engine.run_container("keeps", keeping("alpha ready", "ERROR beta failed", "gamma"))
    wait_until(
        lambda: up.run("logs", "--grep", "GAMMA", "--json").stdout.count("\n") == len(HOSTS),
        "lines of all hosts are kept",
        PATIENCE,
        every=0.5,
    )
    yield up
    site.engine.docker("rm", "-f", "keeps")


def test_kept_lines_are_searched(kept: Fleet) -> None:
    assert kept.out("logs", "edge/keeps", "--grep", "BETA") == "ERROR beta failed\n"
    assert kept.out("logs", "edge/keeps", "--regex", "^(alpha|gamma)") == "alpha ready\ngamma\n"
    assert kept.out("logs", "edge/keeps", "--stored", "-n", "2") == "ERROR beta failed\ngamma\n"
    lines = kept.out("logs", "--level", "error", "--since", "10m", "--json").splitlines()
    found = [json.loads(line) for line in lines]
    assert sorted(line["host"] for line in found) == HOSTS
    assert {(line["level"], line["container"]) for line in found} == {("error", "keeps")}
    assert kept.out("logs", "--host", "edge", "--grep", "alpha") == "edge/keeps | alpha ready\n"
    every = kept.out("logs", "keeps", "--grep", "alpha").splitlines()
    assert sorted(every) == [f"{host}/keeps | alpha ready" for host in HOSTS]
    done = kept.run("logs", "edge/keeps", "--grep", "nowhere")
    assert (done.returncode, done.stdout) == (0, "")
    assert "none that is like this" in done.stderr


def test_where_nothing_is_kept_it_is_told_how_to_keep_it(kept: Fleet) -> None:
    done = kept.run("logs", "edge/web", "--grep", "out")
    assert done.returncode == 1
    told = r"no line of edge/web is stored since \d{4}-\d\d-\d\d \d\d:\d\d(?![:+-])"
    assert re.search(told, done.stderr)
    assert "fleet.logs=true" in done.stderr
    done = kept.run("logs", "--grep", "x", "--direct")
    assert done.returncode == 2


def test_a_removed_container_still_tells_what_was_kept(kept: Fleet, site: Site) -> None:
    site.engine.run_container("leaves", keeping("last words"))
    try:
        wait_until(
            lambda: "last words" in kept.run("logs", "edge/leaves", "--stored").stdout,
            "its lines are kept",
            PATIENCE,
            every=0.5,
        )
    finally:
        site.engine.docker("rm", "-f", "leaves")
    done = kept.run("logs", "edge/leaves")
    assert (done.returncode, done.stdout) == (0, "last words\n")
    assert "edge has no container 'leaves'; these lines were kept" in done.stderr


def test_lines_of_an_earlier_container_come_before_those_of_this_one(
    kept: Fleet, site: Site
) -> None:
    site.engine.run_container("again", keeping("first life"))
    try:
        wait_until(
            lambda: "first life" in kept.run("logs", "edge/again", "--stored").stdout,
            "its lines are kept",
            PATIENCE,
            every=0.5,
        )
        site.engine.docker("rm", "-f", "again")
        site.engine.run_container("again", keeping("second life"))
        words = ("logs", "edge/again", "--since", "10m")
        wait_until(
            lambda: kept.run(*words).stdout == "first life\nsecond life\n",
            "both are told",
            PATIENCE,
            every=0.5,
        )
        assert "are of earlier containers called again" in kept.run(*words).stderr
    finally:
        site.engine.docker("rm", "-f", "again")


def test_logs_of_several_are_together_by_time(up: Fleet) -> None:
    lines = up.out("logs", "edge/web", "local/web", "-n", "4", "--json").splitlines()
    found = [json.loads(line) for line in lines]
    assert {line["host"] for line in found} == {"edge", "local"}
    times = [datetime.fromisoformat(line["time"]) for line in found]
    # Each container tells its lines as its Engine has them, which stamps the two streams of a
    # container apart: they are a second apart here but for a few microseconds within one.
    aside = timedelta(seconds=0.5)
    assert all(after > before - aside for before, after in itertools.pairwise(times))


def test_kept_lines_are_followed(kept: Fleet, site: Site) -> None:
    talking = ContainerSpec(
        command=("sh", "-c", "while :; do echo tick; echo tock; sleep 0.2; done"),
        labels={"fleet.logs": "true"},
    )
    site.engine.run_container("ticks", talking)
    try:
        wait_until(
            lambda: (
                "tick" in kept.run("logs", "edge/ticks", "--stored", "-n", "1").stdout
                or "tock" in kept.run("logs", "edge/ticks", "--stored", "-n", "1").stdout
            ),
            "its lines are kept",
            PATIENCE,
            every=0.5,
        )
        with kept.start("logs", "edge/ticks", "-f", "-n", "1", "--grep", "TOCK") as following:
            lines = Lines(following)
            # More than the tail, and what was stored meanwhile.
            wait_until(lambda: len(lines.read()) > 12, "lines come", PATIENCE, every=0.2)
            assert set(lines.read()) == {b"tock"}
            assert following.interrupt() == 130
    finally:
        site.engine.docker("rm", "-f", "ticks")


def test_images_are_listed_and_one_is_told_of(up: Fleet) -> None:
    def listed() -> bool:
        done = up.run("images", "--json")
        found = json.loads(done.stdout)["images"] if done.returncode == 0 else []
        return {image["host"] for image in found} == set(HOSTS)

    wait_until(listed, "images of all hosts are known", PATIENCE, every=0.5)
    assert "fleet-lab/busybox:1" in up.out("images", "--host", "edge")
    one = json.loads(up.out("images", "fleet-lab/busybox:1", "--host", "edge", "--json"))
    assert [image["host"] for image in one["images"]] == ["edge"]
    done = up.run("images", "fleet-lab/nobody:1")
    assert done.returncode == 1
    assert "fleet-lab/nobody:1" in done.stderr


def test_the_shell_completes_what_the_running_fleet_knows(up: Fleet) -> None:
    def completed(*words: str) -> list[str]:
        asked = {
            "_FLEET_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        program = Path(FLEET[0]).with_name("fleet")
        done = subprocess.run(
            [program], env=up.environment(asked), capture_output=True, text=True, check=False
        )
        return [line.removeprefix("plain,") for line in done.stdout.splitlines()]

    found = completed("fleet", "history", "ed")
    assert found[0] == "edge"
    assert "edge/web" in found
    assert "fleet-lab/busybox:1" in completed("fleet", "images", "fleet-")
    assert completed("fleet", "top", "--host", "da") == ["data"]
