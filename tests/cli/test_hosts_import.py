import json
import subprocess
from pathlib import Path

import pytest

from config.load import load
from config.models import Host, LocalHost, SshHost, TcpHost, TlsFiles
from connectors.contexts import DockerContext
from fleet.cli.hosts_import import host_toml, plan
from tests.cli.running import Fleet
from tests.lab.cache import docker_cli

HOSTS: list[Host] = [
    LocalHost(name="plain", socket=Path("/run/user/1000/docker.sock")),
    SshHost(name="edge.lan", address="edge.lan", username="root", socket="/run/docker.sock"),
    SshHost(name="odd", address="h", port=2222, socket='/run/a "b" \\ \t.sock'),
    TcpHost(name="open", address="10.0.0.9", port=2375, insecure=True),
    TcpHost(
        name="db",
        address="db",
        port=2376,
        tls=TlsFiles(ca_file=Path("/c/ca.pem"), cert_file=Path("/c/c.pem"), key_file=Path("/c/k")),
    ),
]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_what_is_written_is_read_back_as_it_was(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "hosts.toml"
    path.write_text(host_toml(host.name, host))
    assert load(path, check_files=False).hosts == {host.name: host}


def test_what_is_there_already_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "hosts.toml"
    path.write_text(host_toml("here", HOSTS[0]) + host_toml("taken", HOSTS[3]))
    contexts = [
        DockerContext("same-place", HOSTS[0], is_current=False),
        DockerContext("taken", HOSTS[1], is_current=False),
        DockerContext("cannot", None, is_current=False, note="npipe"),
        DockerContext("my context!", HOSTS[2], is_current=True),
    ]
    found = plan(contexts, load(path, check_files=False))
    assert [(each.host, bool(each.toml)) for each in found] == [
        ("same-place", False),
        ("taken", False),
        ("cannot", False),
        ("my-context", True),
    ]
    assert "as here" in found[0].note
    assert "npipe" in found[2].note


def test_docker_s_own_contexts_are_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    subprocess.run(
        [docker_cli(), "context", "create", "edge", "--docker", "host=ssh://root@10.9.9.9:2222"],
        check=True,
        capture_output=True,
    )
    (tmp_path / "docker" / "config.json").write_text("{}")  # the SDK wants one, docker does not
    config = tmp_path / "hosts.toml"
    config.write_text('[hosts.first]\nconnection = "local"\nsocket = "/first.sock"\n')
    fleet = Fleet(config)
    words = ("hosts", "import", "edge")  # the Docker SDK reads DOCKER_CONFIG once in a process
    printed = fleet.spawn(*words)
    assert printed.returncode == 0
    assert "[hosts.edge]" in printed.stdout
    assert "edge" not in load(config, check_files=False).hosts
    assert fleet.spawn(*words, "--write").returncode == 0
    hosts = load(config, check_files=False).hosts
    assert list(hosts) == ["first", "edge"]
    assert hosts["edge"].target == "ssh://root@10.9.9.9:2222"
    again = fleet.spawn(*words, "--json")
    assert again.returncode == 1
    assert "already" in json.loads(again.stdout)["hosts"][0]["note"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".toml"] == ["hosts.toml"]


def test_an_unknown_context_is_an_error(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path / "hosts.toml")
    fleet.config.write_text("")
    done = fleet.run("hosts", "import", "nobody")
    assert done.returncode == 1
    assert "no docker context 'nobody'" in done.stderr
