"""Whom the embedded PostgreSQL runs as, and what that account can reach.

PostgreSQL refuses to run as root. A fleet started by root therefore runs it as an unprivileged
account, which must be able to walk to the data directory and to the server's binaries. Nothing
that is not fleet's own is ever opened up for that: what cannot be reached is an error, or a copy.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from storage.errors import EmbeddedServerError

CANDIDATES = ("postgres", "nobody")


class Account(msgspec.Struct, frozen=True):
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def server_account(cluster: Path, candidates: Iterable[str] = CANDIDATES) -> Account | None:
    """The account to run the server as, None for our own.

    An existing `cluster` folder keeps its owner, whichever accounts have come up since.

    Raises:
        EmbeddedServerError: root, and there is nobody to run it as; or not root, and the folder
            belongs to somebody else.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise EmbeddedServerError(
                f"{cluster} belongs to {_named(owner or 0)}. Start fleet as that user or as root,"
                " or set another [fleet] data_dir."
            )
        return None
    if owner:
        return _owner_account(owner, cluster.stat().st_gid)
    for name in candidates:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and this machine has no user"
        f" {' or '.join(candidates)} to run it as. Create one (`useradd --system postgres`),"
        " start fleet as an ordinary user, or set [storage] url to a server of your own."
    )


def first_barrier(path: Path, account: Account) -> Path | None:
    """The first folder on the way into the folder `path` that `account` cannot walk through."""
    resolved = path.resolve()
    for folder in (*reversed(resolved.parents), resolved):
        if not permits(folder.stat(), account, stat.S_IXOTH):
            return folder
    return None


def permits(status: os.stat_result, account: Account, wanted: int) -> bool:
    """Whether the mode bits grant `account` the rights `wanted` (as bits for others: rwx)."""
    if status.st_uid == account.uid:
        granted = status.st_mode >> 6
    elif status.st_gid == account.gid:
        granted = status.st_mode >> 3
    else:
        granted = status.st_mode
    return granted & wanted == wanted


def _owner_account(uid: int, gid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(f"uid {uid}", uid, gid)
    return Account(entry.pw_name, uid, entry.pw_gid)


def _named(uid: int) -> str:
    return _owner_account(uid, 0).name
