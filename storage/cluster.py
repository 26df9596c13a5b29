"""The embedded server's data directory: one owner, one version, made whole or not at all.

Under fleet's data directory: `postgres/` (PostgreSQL's own), `postgres.lock` (held by the running
fleet), `postgres-run/` (its socket) and, where needed, a copy of the programs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from storage import guard
from storage.account import Account
from storage.binaries import BUNDLED, MAJOR, reachable_programs
from storage.errors import EmbeddedServerError
from storage.stale_pid import clear_stale_pid, clear_stale_socket

DATABASE = "fleet"
UNFINISHED_PREFIX = "postgres-unfinished-"
VERIFIED = "postgres-upgraded"  # complete, and about to take the place of an older one
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103  # bytes; macOS allows 104 with the final NUL, Linux 108
SETUP_SECONDS = 120.0
DISCARD_SECONDS = 5.0  # then it is left for the next start


class Cluster(msgspec.Struct, frozen=True):
    """A data directory that is ready to be served."""

    folder: Path
    sockets: Path
    programs: Path
    account: Account | None
    major: int = MAJOR

    @property
    def conninfo(self) -> str:
        """How to connect, in libpq's words."""
        return conninfo_at(self.sockets)

    def command(self, mode: str, *arguments: str) -> list[str]:
        """`arguments`, the first a program of PostgreSQL's, run through the guard."""
        account = f"{self.account.uid}:{self.account.gid}" if self.account else "-"
        program = str(self.programs / "bin" / arguments[0])
        python = [sys.executable, "-I", "-S", guard.__file__]
        return [*python, mode, str(os.getpid()), account, program, *arguments[1:]]


def conninfo_at(sockets: Path) -> str:
    """How to connect to the server whose socket is in this folder."""
    return f"host='{sockets}' port=5432 user={DATABASE} dbname={DATABASE}"


def environment() -> dict[str, str]:
    """What PostgreSQL's programs are told: nothing of ours."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def open_cluster(data_dir: Path, account: Account | None) -> Cluster:
    """Find the cluster, or make it; call with the data directory locked.

    Raises:
        EmbeddedServerError: it is another version's, cannot be made, or another server runs on it.
    """
    folder = data_dir / "postgres"
    for unfinished in data_dir.glob(f"{UNFINISHED_PREFIX}*"):
        _discard(unfinished)
    if (data_dir / VERIFIED).exists() and not folder.exists():
        (data_dir / VERIFIED).rename(folder)  # an upgrade was broken off between two renames
    if folder.exists():
        _check_version(folder)
        clear_stale_pid(folder)
        sockets = socket_folder(sockets_of(data_dir), account)
        clear_stale_socket(sockets)
        return Cluster(folder, sockets, reachable_programs(data_dir, account), account)
    return new_cluster(data_dir, folder, account)


def new_cluster(data_dir: Path, folder: Path, account: Account | None) -> Cluster:
    """Make a cluster in `folder`, which then is there as a whole.

    Raises:
        EmbeddedServerError: it cannot be made.
    """
    programs = reachable_programs(data_dir, account)
    cluster = Cluster(folder, socket_folder(sockets_of(data_dir), account), programs, account)
    _initialise(cluster)
    return cluster


def _discard(unfinished: Path) -> None:
    """Remove what a killed start has left; its last process may still be adding files to it."""
    deadline = time.monotonic() + DISCARD_SECONDS
    while unfinished.exists() and time.monotonic() < deadline:
        shutil.rmtree(unfinished, ignore_errors=True)
        time.sleep(0.01)


def version_of(folder: Path) -> str:
    """The major version of PostgreSQL that made the cluster in `folder`.

    Raises:
        EmbeddedServerError: it is none.
    """
    try:
        return (folder / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedServerError(
            f"{folder} is not a PostgreSQL data directory (it has no PG_VERSION). Move it away, or"
            " set another [fleet] data_dir."
        ) from None


def refuse_version(folder: Path, way_out: str) -> EmbeddedServerError:
    """The error for a cluster of another version than ours."""
    return EmbeddedServerError(
        f"{folder} was made by PostgreSQL {version_of(folder)}, and this fleet brings {MAJOR}."
        f" Nothing was changed. {way_out}"
    )


def _check_version(folder: Path) -> None:
    version = version_of(folder)
    if version in map(str, BUNDLED.keys() - {MAJOR}):
        raise refuse_version(folder, "Bring it along with `fleet db upgrade`.")
    if version != str(MAJOR):
        raise refuse_version(folder, "Start the release of fleet that made it.")


def _initialise(cluster: Cluster) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=cluster.folder.parent))
    _own(unfinished, cluster.account)
    settings = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = [f"--username={DATABASE}", "--auth=trust"]  # whoever reaches the socket owns it
    _run(cluster, "initdb", "-D", str(unfinished), "--locale=C", *settings, *access)
    single = ["postgres", "--single", "-j", "-D", str(unfinished), "postgres"]
    _run(cluster, *single, feed=f"CREATE DATABASE {DATABASE}\n")
    unfinished.rename(cluster.folder)
    sync_folder(cluster.folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _run(cluster: Cluster, *arguments: str, feed: str = "") -> None:
    # The reader of the input is PostgreSQL itself, so this cannot use the guard's pipe mode; an
    # unfinished folder that a crash leaves behind is removed by the next start.
    mode = "signal" if sys.platform == "linux" else "plain"
    try:
        done = subprocess.run(
            cluster.command(mode, *arguments),
            input=feed,
            text=True,
            capture_output=True,
            env=environment(),
            timeout=SETUP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedServerError(
            f"{arguments[0]} did not finish in {SETUP_SECONDS:.0f} s in {cluster.folder.parent}."
        ) from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split()[-80:])
        raise EmbeddedServerError(f"{arguments[0]} failed in {cluster.folder.parent}: {said}")


def sockets_of(data_dir: Path, name: str = "run") -> Path:
    """The folder of the socket of the server on this data directory."""
    folder = data_dir / f"postgres-{name}"
    if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_LIMIT:
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
        kind = "" if name == "run" else f"{name}-"
        folder = Path(tempfile.gettempdir()) / f"fleet-postgres-{kind}{digest}"
    return folder


def socket_folder(folder: Path, account: Account | None) -> Path:
    """Make `folder` where it is missing, private to whom the server runs as.

    Raises:
        EmbeddedServerError: it is there, and is not private.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _own(folder, account)
    status = folder.lstat()
    wanted = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != wanted or status.st_mode & 0o077:
        raise EmbeddedServerError(
            f"{folder}, the folder of the embedded PostgreSQL's socket, is not private to its user."
            " Remove it and start again."
        )
    return folder


def _own(folder: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(folder, account.uid, account.gid)
