"""Fleet's data directory as the embedded server needs it: ours alone, and reachable for it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from storage.account import Account, first_barrier, server_account
from storage.errors import EmbeddedServerError


class InUseError(EmbeddedServerError):
    """Another fleet owns the data directory."""


@contextlib.contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Own the data directory until the end of the block or of the process.

    Raises:
        InUseError: another fleet owns it; the message says which process.
        EmbeddedServerError: it cannot be locked.
    """
    descriptor = os.open(data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _lock_refused(data_dir, error, os.pread(descriptor, 20, 0)) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock_refused(data_dir: Path, error: OSError, holder: bytes) -> EmbeddedServerError:
    if error.errno != errno.EWOULDBLOCK:
        return EmbeddedServerError(
            f"{data_dir} cannot be locked ({error.strerror}). Set [fleet] data_dir to a folder on a"
            " local disk."
        )
    pid = holder.decode(errors="replace").strip() or "unknown"
    return InUseError(
        f"Another fleet, process {pid}, is using {data_dir}. Stop it, or give this one another"
        " [fleet] data_dir."
    )


def prepare_folder(data_dir: Path) -> Account | None:
    """Make the data directory where it is missing; returns whom the server runs as.

    Where that is another account, a new folder lets it walk through (not look around); of an
    existing one that shuts it out, only one that holds nothing but fleet's own is changed.
    """
    account = server_account(data_dir / "postgres")
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedServerError(
            f"The data directory {data_dir} cannot be made: {error.strerror}. Set [fleet] data_dir"
            " to a folder that fleet may write to."
        ) from error
    if account is not None:
        _let_through(data_dir.resolve(), account)
    elif not os.access(data_dir, os.W_OK | os.X_OK):
        raise EmbeddedServerError(
            f"The data directory {data_dir} is not writable for this user. Correct its owner, or"
            " set another [fleet] data_dir."
        )
    return account


def _let_through(data_dir: Path, account: Account) -> None:
    barrier = first_barrier(data_dir, account)
    if barrier == data_dir and all(map(_is_ours, data_dir.iterdir())):
        os.chown(data_dir, -1, account.gid)
        data_dir.chmod(stat.S_IMODE(data_dir.stat().st_mode) & ~stat.S_IRWXG | stat.S_IXGRP)
        barrier = first_barrier(data_dir, account)
    if barrier is None:
        return
    raise EmbeddedServerError(
        f"PostgreSQL does not run as root, and the user {account.name}, whom fleet runs it as, may"
        f" not enter {barrier} on the way to the data directory {data_dir}. Set [fleet] data_dir"
        " to a folder that others can reach, such as /var/lib/fleet, or [storage] url to a server"
        " of your own."
    )


def _is_ours(entry: Path) -> bool:
    return entry.name in {"run", "spool"} or entry.name.startswith("postgres")
