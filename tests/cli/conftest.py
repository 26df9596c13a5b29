"""One Engine that is reached in three ways, and the command that looks at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.running import Fleet
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.ports import free_port
from tests.lab.runs import new_part
from tests.lab.sshd import Sshd
from tests.lab.waiting import wait_until

TALKATIVE = ContainerSpec(
    command=(
        "sh",
        "-c",
        "i=0; while :; do i=$((i+1)); echo out $i; echo err $i >&2; sleep 1; done",
    ),
    labels={"app": "shop"},
)
UP = "3 of 3 hosts up (the running fleet"
ENDED = ContainerSpec(command=("sh", "-c", "exit 3"))


@dataclass(frozen=True)
class Site:
    """An Engine with the containers `web` (running) and `job` (ended), and ways to it."""

    engine: Engine
    sshd: Sshd
    config: str

    def fleet(self, folder: Path, more: str = "") -> Fleet:
        """The command with a `hosts.toml` of its own: `local`, `edge`, `data`, and `more`."""
        path = folder / "hosts.toml"
        head = f'[fleet]\nlisten = "127.0.0.1:{free_port()}"\ndata_dir = "{folder / "data"}"\n'
        path.write_text(head + self.config + more)
        return Fleet(path)


@pytest.fixture(scope="session")
def site(session_lab: Lab) -> Site:
    authority = session_lab.authority()
    files, client = authority.server("127.0.0.1"), authority.client()
    engine = session_lab.engine("trixie", tcp=files)
    sshd = session_lab.sshd()
    engine.run_container("web", TALKATIVE)
    engine.run_container("job", ENDED)
    wait_until(lambda: "Exited (3)" in engine.docker("ps", "-a"), "the job has ended")
    (sshd.folder / "ssh_config").touch()
    assert engine.address is not None
    config = f"""
[hosts.local]
connection = "local"
socket = "{engine.socket}"
labels = {{ site = "here" }}

[hosts.edge]
connection = "ssh"
address = "127.0.0.1"
port = {sshd.port}
username = "{sshd.username}"
key_file = "{sshd.client_key}"
known_hosts_file = "{sshd.known_hosts}"
ssh_config_file = "{sshd.folder / "ssh_config"}"
agent = false
socket = "{engine.socket}"
labels = {{ site = "fra", env = "test" }}

[hosts.data]
connection = "tcp"
address = "127.0.0.1"
port = {engine.address[1]}
tls = {{ ca_file = "{client.ca}", cert_file = "{client.cert}", key_file = "{client.key}" }}
"""
    return Site(engine, sshd, config)


@pytest.fixture
def fleet(site: Site, tmp_path: Path) -> Fleet:
    """The command with the three hosts, and no fleet running."""
    return site.fleet(tmp_path)


@pytest.fixture(scope="module")
def up(site: Site) -> Iterator[Fleet]:
    """The command with the three hosts, watched by a running fleet."""
    # Not in pytest's folder, which the embedded database's own user cannot enter.
    fleet = site.fleet(new_part("f"), "\n[defaults.monitoring]\nstats_interval = 1.0\n")
    with fleet.start("up") as running:
        try:
            wait_until(
                lambda: running.poll() is not None or UP in fleet.run("status").stdout,
                "the fleet is up",
                120,
                every=0.3,
            )
            assert running.poll() is None, running.communicate()
            yield fleet
        finally:
            running.terminate()
            running.communicate(timeout=30)
    assert running.returncode == 0
