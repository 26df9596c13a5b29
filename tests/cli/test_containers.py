import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Site
from tests.cli.running import FLEET, Fleet, Lines
from tests.lab.containers import ContainerSpec
from tests.lab.waiting import wait_until


def listed(fleet: Fleet, *words: str) -> dict[str, dict[str, str]]:
    """Name to state of each host's containers, as `fleet ps --json` has them."""
    found: dict[str, dict[str, str]] = {}
    for container in json.loads(fleet.out("ps", "--json", *words))["containers"]:
        found.setdefault(container["host"], {})[container["name"]] = container["state"]
    return found


def as_docker_has_them(site: Site) -> dict[str, str]:
    lines = site.engine.docker("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines()
    return dict(line.split() for line in lines)


def test_ps_is_what_docker_has(fleet: Fleet, site: Site) -> None:
    expected = as_docker_has_them(site)
    assert listed(fleet, "-a") == dict.fromkeys(("data", "edge", "local"), expected)
    assert listed(fleet, "--host", "edge") == {"edge": {"web": "running"}}
    assert listed(fleet, "--state", "exited", "--host", "data") == {"data": {"job": "exited"}}
    assert listed(fleet, "-a", "--label", "app=shop", "--host", "local") == {
        "local": {"web": "running"}
    }
    assert listed(fleet, "-a", "--name", "jo*", "--host", "local") == {"local": {"job": "exited"}}


def test_ps_is_a_table_for_people(fleet: Fleet) -> None:
    lines = fleet.out("ps", "-a", "--host", "local").splitlines()
    assert lines[0].split()[:4] == ["HOST", "NAME", "ID", "IMAGE"]
    assert "exited (3)" in lines[1]
    assert "running" in lines[2]


def test_a_list_that_is_not_complete_says_so(site: Site, tmp_path: Path) -> None:
    away = f'[hosts.away]\nconnection = "local"\nsocket = "{tmp_path}/none.sock"\n'
    fleet = site.fleet(tmp_path, away)
    done = fleet.run("ps")
    assert done.returncode == 1
    assert "away is down" in done.stderr
    assert done.stdout.count("web") == 3


def test_stats_are_measured_on_every_host(fleet: Fleet) -> None:
    found = json.loads(fleet.out("stats", "--json"))["containers"]
    assert [(each["host"], each["name"]) for each in found] == [
        ("data", "web"),
        ("edge", "web"),
        ("local", "web"),
    ]
    for each in found:
        assert each["stats"]["cpu_percent"] >= 0
        assert each["stats"]["memory_used"] > 100_000
        assert each["stats"]["pids"] >= 1


def test_events_of_the_past_are_in_order_and_once(fleet: Fleet, site: Site) -> None:
    site.engine.docker("run", "--name", "brief", "--network", "none", "fleet-lab/busybox:1", "true")
    site.engine.docker("rm", "brief")
    lines = fleet.out("events", "--container", "brief", "--json", "--since", "5m").splitlines()
    events = [json.loads(line) for line in lines]
    for host in ("data", "edge", "local"):
        actions = [event["action"] for event in events if event["host"] == host]
        assert actions == ["create", "attach", "start", "die", "destroy"]
    assert [event["time_nano"] for event in events] == sorted(e["time_nano"] for e in events)


def test_events_are_followed(fleet: Fleet, site: Site) -> None:
    words = ("events", "-f", "--json", "--since", "5m", "--host", "local", "--action", "pause")
    with fleet.start(*words) as following:
        lines = Lines(following)
        begun = time.time_ns()

        def make(count: int) -> None:
            site.engine.docker("pause", "web")
            site.engine.docker("unpause", "web")
            wait_until(lambda: len(seen()) == count, "the event is seen", 60)

        def seen() -> list[str]:
            events = [json.loads(line) for line in lines.read()]
            return [event["name"] for event in events if event["time_nano"] > begun]

        make(1)  # may be of the past when following begins, or come while it begins
        make(2)
        assert seen() == ["web", "web"]
        assert following.interrupt() == 130


@pytest.mark.parametrize("host", ["local", "edge", "data"])
def test_logs_go_where_the_container_wrote_them(fleet: Fleet, host: str) -> None:
    done = fleet.run("logs", f"{host}/web")
    assert done.returncode == 0
    out, err = done.stdout.splitlines(), done.stderr.splitlines()
    assert out[:1] == ["out 1"]
    assert err[:1] == ["err 1"]
    assert all(line.startswith("out ") for line in out)
    assert all(line.startswith("err ") for line in err)


def test_logs_tail_stamp_and_json(fleet: Fleet) -> None:
    done = fleet.run("logs", "local/web", "--tail", "2", "-t")
    assert len((done.stdout + done.stderr).splitlines()) == 2
    assert done.stdout[:3] == "202" or done.stderr[:3] == "202"
    lines = [json.loads(line) for line in fleet.out("logs", "local/web", "--json").splitlines()]
    assert {line["stream"] for line in lines} == {"stdout", "stderr"}
    assert {(line["host"], line["container"]) for line in lines} == {("local", "web")}


def test_logs_are_followed_until_the_container_ends(fleet: Fleet, site: Site) -> None:
    command = ("sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.3; done")
    made = site.engine.run_container("counting", ContainerSpec(command=command))
    try:
        assert fleet.out("logs", "edge/counting", "-f") == "line 1\nline 2\nline 3\n"
    finally:
        site.engine.docker("rm", "-f", made)


def test_logs_of_several_tell_whose_they_are_and_end_where_they_should(fleet: Fleet) -> None:
    done = fleet.run("logs", "edge/web", "local/web", "-n", "3", "-t")
    lines = (done.stdout + done.stderr).splitlines()
    assert sorted({line.split(" | ")[0] for line in lines}) == ["edge/web", "local/web"]
    assert len(lines) == 6
    every = [json.loads(line) for line in fleet.out("logs", "edge/web", "--json").splitlines()]
    assert len(every) > 2
    until = every[-1]["time"][:26]  # microseconds: the last line comes a little later, or just then
    found = fleet.out("logs", "edge/web", "--json", "--until", until + "Z").splitlines()
    wanted = [line["line"] for line in every if line["time"][:29] <= until + "000"]
    assert [json.loads(line)["line"] for line in found] == wanted


def test_a_container_that_is_not_there(fleet: Fleet) -> None:
    done = fleet.run("logs", "local/wbe")
    assert done.returncode == 1
    assert "local has no container 'wbe'" in done.stderr
    done = fleet.run("logs", "web")
    assert done.returncode == 1
    assert "means several containers: data/web, edge/web, local/web" in done.stderr
    assert "did you mean" in fleet.run("logs", "wbe").stderr


def test_docker_is_docker_on_every_host(fleet: Fleet, site: Site) -> None:
    expected = site.engine.docker("ps", "-aq")
    for host in ("local", "edge", "data"):
        assert fleet.docker(host, "ps", "-aq") == expected
        assert fleet.docker(host, "exec", "-i", "web", "cat", stdin="through\n") == "through\n"
        assert fleet.spawn("docker", host, "exec", "web", "sh", "-c", "exit 7").returncode == 7


def test_docker_has_the_terminal(fleet: Fleet) -> None:
    for host in ("edge", "data"):
        code, shown = fleet.terminal(
            "docker", host, "exec", "-it", "web", "sh", "-c", "tty; exit 5"
        )
        assert (code, shown.strip()) == (5, "/dev/pts/0")


def test_an_interrupt_reaches_docker_and_nothing_stays(fleet: Fleet) -> None:
    code, shown = fleet.terminal(
        "docker", "edge", "logs", "-f", "web", until=lambda text: "out 1" in text, keys=b"\x03"
    )
    assert code in (130, 0, 1)
    assert "Traceback" not in shown


def test_docker_over_tls_that_it_cannot_do_alone(fleet: Fleet, site: Site) -> None:
    """The certificate's name is not the address: the docker CLI has no option for that."""
    head, mark, data = fleet.config.read_text().partition("[hosts.data]")
    data = data.replace('"127.0.0.1"', '"localhost"', 1)
    data = data.replace("tls = {", 'tls = { server_name = "127.0.0.1",')
    fleet.config.write_text(head + mark + data)
    assert fleet.docker("data", "ps", "-aq") == site.engine.docker("ps", "-aq")


def test_doctor_finds_all_in_order(fleet: Fleet) -> None:
    shown = fleet.out("doctor")
    assert "3 of 3 hosts can be reached" in shown
    assert "failed" not in shown
    found = json.loads(fleet.out("doctor", "edge", "--json"))["hosts"]
    assert [host["host"] for host in found] == ["edge"]
    assert found[0]["steps"][-1]["name"] == "API version"


def test_doctor_names_the_step_that_fails(fleet: Fleet, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    text = fleet.config.read_text().splitlines()
    lines = [f'known_hosts_file = "{empty}"' if "known_hosts" in line else line for line in text]
    fleet.config.write_text("\n".join(lines))
    shown = fleet.out("doctor", "edge", code=1)
    failed = [line for line in shown.splitlines() if "failed" in line]
    assert len(failed) == 1
    assert "host key" in failed[0]
    assert "next: " in shown


def test_trust_records_a_key_that_then_is_trusted(fleet: Fleet, tmp_path: Path) -> None:
    record = tmp_path / "known_hosts"
    text = fleet.config.read_text().splitlines()
    lines = [f'known_hosts_file = "{record}"' if "known_hosts" in line else line for line in text]
    fleet.config.write_text("\n".join(lines))
    done = fleet.run("hosts", "trust", "edge")
    assert done.returncode == 1
    assert "SHA256:" in done.stdout
    assert "nobody to ask" in done.stderr
    assert not record.exists()
    code, _ = fleet.terminal("hosts", "trust", "edge", until=lambda t: "[y/N]" in t, keys=b"n\r")
    assert code == 1
    assert not record.exists()
    assert fleet.run("hosts", "trust", "edge", "--yes").returncode == 0
    assert fleet.out("ps", "--host", "edge", "--json").count('"name": "web"') == 1
    assert fleet.run("hosts", "trust", "local").returncode == 1


def test_runs_without_a_configuration(site: Site, tmp_path: Path) -> None:
    fleet = Fleet(tmp_path / "none.toml")
    environment = fleet.environment({"DOCKER_HOST": f"unix://{site.engine.socket}"})
    environment.pop("FLEET_CONFIG")
    environment |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [*FLEET, "status", "--json", "--direct"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [host["target"] for host in json.loads(done.stdout)["hosts"]] == [
        f"unix://{site.engine.socket}"
    ]
