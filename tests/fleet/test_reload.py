"""A changed file is taken over host by host; a broken one changes nothing and is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from config.load import load
from config.models import Config
from fleet.reload import Reloader, RunningConfig
from tests.faults.watched import Watched, watched
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.tls import Authority


@pytest.fixture(scope="module")
def authority(module_lab: Lab) -> Authority:
    return module_lab.authority()


@pytest.fixture(scope="module")
def engine(module_lab: Lab, authority: Authority) -> Engine:
    return module_lab.engine("trixie", tcp=authority.server("127.0.0.1"))


class Reloading:
    """A fleet that follows a file."""

    def __init__(self, path: Path, fleet: Watched) -> None:
        self.path = path
        self.fleet = fleet
        self.running = RunningConfig(load(path, {}))
        self.taken: list[Config] = []
        self.reloader = Reloader(self.running, path, fleet.supervisor, {}, self.taken.append)
        fleet.want(*self.running.config.hosts.values())

    def write(self, text: str) -> None:
        """Replace the file as editors do."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.path)


@asynccontextmanager
async def reloading(path: Path, text: str) -> AsyncIterator[Reloading]:
    path.write_text(text)  # noqa: ASYNC240 - nothing runs yet
    async with watched() as fleet, trio.open_nursery() as nursery:
        reload = Reloading(path, fleet)
        nursery.start_soon(reload.reloader.run)
        yield reload
        nursery.cancel_scope.cancel()


def toml(*hosts: str, engine: Engine, interval: float = 5) -> str:
    tables = [f'[hosts.{n}]\nconnection = "local"\nsocket = "{engine.socket}"\n' for n in hosts]
    return f"[defaults.monitoring]\nstats_interval = {interval}\n" + "".join(tables)


async def test_hosts_come_and_go_with_the_file(engine: Engine, tmp_path: Path) -> None:
    other = '[hosts.b]\nconnection = "tcp"\naddress = "127.0.0.1"\nport = 1\n'
    async with reloading(tmp_path / "hosts.toml", toml("a", engine=engine)) as it:
        await it.fleet.until_up("a")
        it.write(toml("a", engine=engine) + other)
        await it.fleet.until(lambda: "b" in it.fleet.tracker.hosts, "b began")
        await it.fleet.until_down("b")
        assert [list(config.hosts) for config in it.taken] == [["a", "b"]]
        assert it.running.document().error is None
        assert it.fleet.statuses("a") == ["connecting", "up"]
        it.write(toml(engine=engine) + other)
        await it.fleet.until(lambda: "a" not in it.fleet.tracker.hosts, "a left")
        assert "connecting" not in it.fleet.statuses("b")[1:]


async def test_a_broken_file_keeps_the_old_one_and_is_shown(engine: Engine, tmp_path: Path) -> None:
    async with reloading(tmp_path / "hosts.toml", toml("a", engine=engine)) as it:
        await it.fleet.until_up("a")
        loaded = it.running.document().loaded
        it.write(toml("a", engine=engine) + "\n[hosts.b]\nconection = 'ssh'\n")
        await it.fleet.until(lambda: it.running.document().error, "the mistake is shown")
        document = it.running.document()
        assert document.error is not None
        assert "conection" in document.error
        assert document.error_since is not None
        assert document.loaded == loaded
        assert it.fleet.status("a") == "up"
        assert "b" not in it.fleet.tracker.hosts
        assert it.taken == []
        it.write(toml("a", engine=engine))
        await it.fleet.until(lambda: it.running.document().error is None, "mended")
        assert it.running.document().error_since is None
        assert it.fleet.statuses("a") == ["connecting", "up"]


async def test_a_removed_file_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    async with reloading(tmp_path / "hosts.toml", toml("a", engine=engine)) as it:
        await it.fleet.until_up("a")
        it.path.unlink()
        await it.fleet.until(lambda: it.running.document().error, "it is shown")
        assert it.fleet.status("a") == "up"


async def test_an_emptied_file_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    async with reloading(tmp_path / "hosts.toml", toml("a", engine=engine)) as it:
        await it.fleet.until_up("a")
        it.write("\n")
        await it.fleet.until(lambda: it.running.document().error, "it is shown")
        assert "is empty" in (it.running.document().error or "")
        assert it.taken == []
        assert it.fleet.status("a") == "up"


async def test_a_trigger_reads_at_once(engine: Engine, tmp_path: Path) -> None:
    async with reloading(tmp_path / "hosts.toml", toml("a", engine=engine)) as it:
        await it.fleet.until_up("a")
        loaded = it.running.document().loaded
        it.reloader.trigger()
        await it.fleet.until(lambda: it.running.document().loaded > loaded, "read anew", 3)
        assert it.fleet.statuses("a") == ["connecting", "up"]


async def test_a_replaced_certificate_restarts_its_host_alone(
    engine: Engine, authority: Authority, tmp_path: Path
) -> None:
    assert engine.address
    stranger, client = Authority(tmp_path / "stranger").client(), authority.client()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def have(cert_file: Path, key_file: Path) -> None:
        for source, target in ((cert_file, cert), (key_file, key)):
            fresh = target.with_suffix(".new")
            fresh.write_bytes(source.read_bytes())
            fresh.chmod(0o600)
            fresh.replace(target)

    have(client.cert, client.key)
    text = toml("a", engine=engine) + (
        f'[hosts.b]\nconnection = "tcp"\naddress = "{engine.address[0]}"\n'
        f"port = {engine.address[1]}\n"
        f'tls = {{ ca_file = "{client.ca}", cert_file = "{cert}", key_file = "{key}" }}\n'
    )
    async with reloading(tmp_path / "hosts.toml", text) as it:
        await it.fleet.until_up("a", "b")
        have(stranger.cert, stranger.key)
        state = await it.fleet.until_down("b")
        assert state.error is not None
        assert state.error.kind == "authentication"
        have(client.cert, client.key)
        await it.fleet.until_up("b")
        assert it.fleet.statuses("a") == ["connecting", "up"]


async def test_what_needs_a_restart_is_said(engine: Engine, tmp_path: Path) -> None:
    text = toml("a", engine=engine)
    async with reloading(tmp_path / "hosts.toml", text) as it:
        await it.fleet.until_up("a")
        it.write('[fleet]\nlisten = "127.0.0.1:9999"\n' + text)
        await it.fleet.until(lambda: it.running.document().warnings, "the warning")
        assert "fleet.listen" in it.running.document().warnings[-1]
