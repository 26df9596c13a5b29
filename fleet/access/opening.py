"""The authority of a configuration: its token, and what may be done without one."""

from __future__ import annotations

from collections.abc import Mapping

from config.addresses import is_loopback, split_listen
from config.models import Config
from config.secrets import read_secret
from fleet.access.audit import Record
from fleet.access.copy import FILE
from fleet.access.keeper import AccessKeeper, SessionAuthority
from storage.database import Database
from web.access.static import ANYONE, StaticAuthority

UNIX = "unix:"  # before the path of a socket that is listened on


def configured(
    config: Config, environ: Mapping[str, str], listen: str | None = None
) -> StaticAuthority:
    """What holds without any database. On loopback nobody needs a token where none is set.

    Args:
        config: Of which `[access]` and the token count.
        environ: Where `token_env` is looked up.
        listen: Where it is served in place of `[fleet] listen`. A Unix socket is no loopback:
            whoever comes by one was let in by a proxy, from wherever that lets them in.

    Raises:
        SecretError: The token cannot be read.
    """
    token = read_secret(config.fleet.token_file, config.fleet.token_env, environ)
    word = config.access.anonymous
    if word is None:
        where = config.fleet.listen if listen is None else listen
        is_local = not where.startswith(UNIX) and is_loopback(split_listen(where)[0])
        word = "viewer" if is_local and token is None else "none"
    return StaticAuthority(token, ANYONE if word == "viewer" else None)


def open_access(
    config: Config,
    static: StaticAuthority,
    database: Database,
    record: Record,
    sessions: SessionAuthority | None = None,
) -> AccessKeeper:
    """The keeper of the tokens in the database; run it. It asks `sessions` about those."""
    path = config.fleet.data_dir / FILE
    return AccessKeeper(database, path, static, record, sessions=sessions)
