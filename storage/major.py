"""An embedded database that an older PostgreSQL made: read with its own programs, and moved.

Its rows go into a new cluster beside it. Only when that is complete, and all rows are counted
there, does it take the place of the old one, which is kept aside.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import trio

from config.models import Storage
from storage.account import Account
from storage.archive import Report
from storage.binaries import BUNDLED, MAJOR, reachable_programs
from storage.cluster import (
    VERIFIED,
    Cluster,
    new_cluster,
    refuse_version,
    socket_folder,
    sockets_of,
    sync_folder,
    version_of,
)
from storage.data_dir import locked, prepare_folder
from storage.database import Database
from storage.embedded import embedded_server
from storage.errors import EmbeddedServerError
from storage.postmaster import Postmaster
from storage.restoring import Restored
from storage.shape import Report as ShapeReport
from storage.stale_pid import clear_stale_pid
from storage.transfer import transfer

_UNFINISHED = "postgres-unfinished-upgrade"  # removed by the next start, as all that begins so


class Upgraded(msgspec.Struct, frozen=True, kw_only=True):
    """From which version, where the old cluster now is, and what came of it."""

    version: str
    kept: Path
    restored: Restored


def embedded_version(data_dir: Path) -> str | None:
    """The major version of the embedded database; None where there is none.

    Raises:
        EmbeddedServerError: what is there is no database.
    """
    folder = data_dir / "postgres"
    return version_of(folder) if folder.exists() else None


async def upgrade_major(
    data_dir: Path, settings: Storage, report: Report, reshaping: ShapeReport
) -> Upgraded:
    """Move an embedded database of an older version into a new one of ours.

    Raises:
        EmbeddedServerError: there are no programs to read it with, or a fleet is using it.
        StorageError: as `transfer`; the old database is in its place then, as it was.
    """
    account = await trio.to_thread.run_sync(prepare_folder, data_dir)
    with locked(data_dir):
        folder, made = data_dir / "postgres", data_dir / _UNFINISHED
        _readable_version(folder)
        for leftover in (made, data_dir / VERIFIED):
            await trio.to_thread.run_sync(_remove, leftover)
        new = await trio.to_thread.run_sync(new_cluster, data_dir, made, account)
        old = await trio.to_thread.run_sync(_older_cluster, data_dir, account)
        async with _served(old, settings) as source, _served(new, settings) as target:
            restored = await transfer(source, target, report, reshaping)
        return Upgraded(
            version=str(old.major),
            kept=await trio.to_thread.run_sync(_put_in_place, folder, made, old.major),
            restored=restored,
        )


@contextlib.asynccontextmanager
async def embedded_source(data_dir: Path, settings: Storage) -> AsyncIterator[Database]:
    """The embedded database, of whichever version, for its history to be read.

    Raises:
        EmbeddedServerError: there is none, or it cannot be served.
    """
    version = embedded_version(data_dir)
    if version is None:
        raise EmbeddedServerError(f"There is no embedded database in {data_dir}.")
    if version == str(MAJOR):
        async with embedded_server(data_dir) as conninfo:
            with contextlib.closing(Database(conninfo, None, settings)) as database:
                yield database
        return
    account = await trio.to_thread.run_sync(prepare_folder, data_dir)
    with locked(data_dir):
        old = await trio.to_thread.run_sync(_older_cluster, data_dir, account)
        async with _served(old, settings) as database:
            yield database


def _older_cluster(data_dir: Path, account: Account | None) -> Cluster:
    folder = data_dir / "postgres"
    version = _readable_version(folder)
    programs = reachable_programs(data_dir, account, version)
    sockets = socket_folder(sockets_of(data_dir, "run-old"), account)
    return Cluster(folder, sockets, programs, account, version)


def _readable_version(folder: Path) -> int:
    version = version_of(folder)
    if version not in map(str, BUNDLED):
        raise refuse_version(folder, "Start the release of fleet that made it.")
    return int(version)


@contextlib.asynccontextmanager
async def _served(cluster: Cluster, settings: Storage) -> AsyncIterator[Database]:
    await trio.to_thread.run_sync(clear_stale_pid, cluster.folder)
    server = await Postmaster.start(cluster)
    try:
        with contextlib.closing(Database(cluster.conninfo, None, settings)) as database:
            yield database
    finally:
        with trio.CancelScope(shield=True):
            await server.stop()


def _put_in_place(folder: Path, made: Path, major: int) -> Path:
    """Swap the clusters. Broken off anywhere, the next start finds the old one or the new one."""
    kept = _free(folder.with_name(f"postgres-{major}.old"))
    verified = folder.with_name(VERIFIED)
    made.rename(verified)
    folder.rename(kept)
    verified.rename(folder)
    sync_folder(folder.parent)
    return kept


def _free(path: Path) -> Path:
    """`path`, or with a number where it is taken."""
    taken = (path.with_name(f"{path.name}.{number}") for number in range(2, 1000))
    return path if not path.exists() else next(one for one in taken if not one.exists())


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
