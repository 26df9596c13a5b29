"""A host's socket is offered while the host is up, and only then."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from config.models import Config, Fleet, Host, Storage
from fleet.publish import publisher
from fleet.runtime import make_runtime_dir, runtime_dir, socket_path
from tests.faults.watched import local, ssh, tcp, watched
from tests.lab.cache import docker_cli
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab


@pytest.fixture
def config() -> Iterator[Config]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        made = Config(fleet=Fleet(data_dir=Path(folder)), storage=Storage(), hosts={})
        make_runtime_dir(made)
        yield made


@pytest.fixture
def hosts(lab: Lab, engine_2010: Engine) -> list[Host]:
    relay = lab.relay(engine_2010.socket)
    assert isinstance(relay.address, tuple)
    return [
        ssh("edge", lab.sshd(), engine_2010),
        tcp("data", relay.address, None),
        local("here", engine_2010),
    ]


def offered(config: Config) -> set[str]:
    return {path.name for path in runtime_dir(config).iterdir()}


async def test_docker_reaches_hosts_while_they_are_up(
    config: Config, hosts: list[Host], engine_2010: Engine
) -> None:
    async with watched(*hosts, publish=publisher(config)) as fleet:
        await fleet.until_up("edge", "data", "here")
        for name in ("edge", "data"):
            command = [docker_cli(), "-H", f"unix://{socket_path(config, name)}", "info"]
            command += ["--format", "{{.ID}}"]
            with trio.fail_after(10):
                done = await trio.run_process(command, capture_stdout=True)
            assert done.stdout.decode() == engine_2010.docker("info", "--format", "{{.ID}}")
        assert offered(config) == {"edge.sock", "data.sock"}  # here the Engine's own is as good
        fleet.want()
        await fleet.until(lambda: not fleet.tracker.hosts, "all have left")
        assert offered(config) == set()


async def test_a_host_whose_socket_cannot_be_offered_is_watched_all_the_same(
    config: Config, hosts: list[Host], caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("edge", "data"):
        socket_path(config, name).mkdir()
    async with watched(*hosts, publish=publisher(config)) as fleet:
        await fleet.until_up("edge", "data", "here")
    told = [record.getMessage() for record in caplog.records]
    assert any(words.startswith("edge: its socket is not offered") for words in told)
