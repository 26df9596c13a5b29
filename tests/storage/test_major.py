"""An embedded database that an older PostgreSQL made comes along, and is never at risk."""

# ruff: noqa: ASYNC221, ASYNC240 - these tests share their loop with nobody

import contextlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from config.models import Storage
from storage import major
from storage.archive import Moved
from storage.binaries import reachable_programs
from storage.cluster import VERIFIED, Cluster, environment, socket_folder, sockets_of
from storage.data_dir import prepare_folder
from storage.embedded import embedded_server
from storage.errors import EmbeddedServerError, StorageError
from storage.major import embedded_source, embedded_version, upgrade_major
from storage.postmaster import Postmaster
from storage.shape import ignore
from tests.storage.archived import close_databases, content, filled
from tests.storage.programs import postgres_processes


def quiet(_progress: Moved) -> None:
    pass


@contextlib.asynccontextmanager
async def _made_by_16(data_dir: Path) -> AsyncIterator[str]:
    """A running server of an older fleet."""
    account = prepare_folder(data_dir)
    folder = data_dir / "postgres"
    sockets = socket_folder(sockets_of(data_dir), account)
    cluster = Cluster(folder, sockets, reachable_programs(data_dir, account, 16), account, 16)
    new = Path(tempfile.mkdtemp(dir=data_dir, prefix="postgres-"))
    if account is not None:
        os.chown(new, account.uid, account.gid)
    single = cluster.command("plain", "postgres", "--single", "-j", "-D", str(new), "postgres")
    words = ["-D", str(new), "-U", "fleet", "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync"]
    for command, feed in (
        (cluster.command("plain", "initdb", *words), ""),
        (single, "CREATE DATABASE fleet\n"),
    ):
        subprocess.run(
            command, input=feed, text=True, capture_output=True, env=environment(), check=True
        )
    new.rename(folder)
    server = await Postmaster.start(cluster)
    try:
        yield cluster.conninfo
    finally:
        close_databases()
        with trio.CancelScope(shield=True):
            await server.stop()


async def test_all_of_it_comes_along_and_the_old_one_is_kept(
    new_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _made_by_16(new_dir) as conninfo:
        await filled(conninfo)
        wanted = content(conninfo)
    with pytest.raises(EmbeddedServerError, match="fleet db upgrade"):
        async with embedded_server(new_dir):
            pass
    await _fails_at_the_end(new_dir, monkeypatch)
    async with embedded_source(new_dir, Storage()) as database:
        assert (await database.about()).version.startswith("16")
    upgraded = await upgrade_major(new_dir, Storage(), quiet, ignore)
    assert upgraded.kept == new_dir / "postgres-16.old"
    assert embedded_version(new_dir) == "18"
    assert (upgraded.kept / "PG_VERSION").read_text() == "16\n"
    await _is_there(new_dir, wanted)
    # As if it had been killed between two renames.
    (new_dir / "postgres").rename(new_dir / VERIFIED)
    await _is_there(new_dir, wanted)
    assert postgres_processes(new_dir) == []


async def _fails_at_the_end(new_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> Path:
        raise EmbeddedServerError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(major, "_put_in_place", no_room)
        with pytest.raises(StorageError, match="no room"):
            await upgrade_major(new_dir, Storage(), quiet, ignore)
    assert embedded_version(new_dir) == "16"


async def _is_there(data_dir: Path, wanted: dict[str, list[object]]) -> None:
    async with embedded_server(data_dir) as conninfo:
        assert content(conninfo) == wanted


async def test_a_version_that_nobody_can_read_is_left_alone(new_dir: Path) -> None:
    (new_dir / "postgres").mkdir()
    (new_dir / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(EmbeddedServerError, match=r"9\.6.* Start the release of fleet"):
        await upgrade_major(new_dir, Storage(), quiet, ignore)
    assert (new_dir / "postgres" / "PG_VERSION").read_text() == "9.6\n"
