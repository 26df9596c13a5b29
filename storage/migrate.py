"""The schema's versions: numbered SQL files, each applied once and in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import resources

import msgspec

from storage.edition import About
from storage.errors import DatabaseError
from storage.sessions import Connection
from storage.shape import Report, ignore, shape

SCHEMA = "fleet"  # of its own, so that a database may be shared and `public` need not be writable

_LOCK = 0x666C6565_74000001  # "fleet", 1: held by whoever migrates

_OBJECTS = """
SELECT count(*), to_regclass(%s) IS NOT NULL FROM pg_class WHERE relnamespace = to_regnamespace(%s)
"""
_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version  integer PRIMARY KEY,
    name     text NOT NULL,
    checksum text NOT NULL,
    applied  timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Of the text, whatever the line ends of the file it came in."""
        return hashlib.sha256("\n".join(self.sql.splitlines()).encode()).hexdigest()


def bundled_migrations() -> list[Migration]:
    """The migrations of this release, in order."""
    files = resources.files("storage.migrations").iterdir()
    found = [
        Migration(int(file.name.split("_", 1)[0]), file.name.removesuffix(".sql"), file.read_text())
        for file in files
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.version)


def pending(
    migrations: Iterable[Migration], applied: dict[int, str], where: str
) -> list[Migration]:
    """Those of `migrations` that are not among the `applied` (checksums by version).

    Raises:
        DatabaseError: the database is ahead of us, or was made by other files than ours.
    """
    known = {migration.version: migration for migration in migrations}
    newest = max(known, default=0)
    if max(applied, default=0) > newest:
        raise DatabaseError(
            f"{where} has version {max(applied)} of fleet's schema, and this fleet knows up to"
            f" {newest}: a newer fleet has used it. Start that release, or use another database."
        )
    for version, checksum in applied.items():
        if version not in known or known[version].checksum != checksum:
            raise DatabaseError(
                f"{where}: step {version} of its schema is not the one of this release. Start the"
                " release of fleet that made it, or use another database."
            )
    return [migration for version, migration in sorted(known.items()) if version not in applied]


def upgrade(connection: Connection, where: str, report: Report = ignore) -> About:
    """Apply what is pending and give the tables their shape; returns what the server then is.

    As `migrate`, and `report` is told of long work. It goes on where it was when it was broken off.
    """
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        migrate(connection, where)
        return shape(connection, where, report)
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def migrate(
    connection: Connection, where: str, migrations: list[Migration] | None = None
) -> list[int]:
    """Apply what is pending; returns the versions applied. One process at a time does it.

    The connection is in autocommit mode and sets no limits that a long step would run into.

    Raises:
        DatabaseError: see `pending`; or the database is not in UTF-8.
        psycopg.Error: as met.
    """
    _check_encoding(connection, where)
    steps = bundled_migrations() if migrations is None else migrations
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        todo = pending(steps, _applied(connection, where), where)
        for step in todo:
            _apply(connection, step)
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    return [step.version for step in todo]


def _check_encoding(connection: Connection, where: str) -> None:
    encoding = connection.execute("SHOW server_encoding").fetchone()
    if encoding != ("UTF8",):
        raise DatabaseError(
            f"{where} is encoded in {encoding and encoding[0]}, which cannot hold every name and"
            " message. Create a database with `createdb --encoding=UTF8 --template=template0`."
        )


def applied_steps(connection: Connection, where: str) -> dict[int, str] | None:
    """The checksums of the steps that were applied, by version; None in a database without them.

    Raises:
        DatabaseError: somebody else has a schema of our name there.
    """
    found = connection.execute(_OBJECTS, [f"{SCHEMA}.schema_migrations", SCHEMA]).fetchone()
    objects, is_ours = found or (0, False)
    if not is_ours:
        if objects:
            raise DatabaseError(
                f"{where}: the schema `{SCHEMA}` there is not fleet's own. Use another database."
            )
        return None
    rows = connection.execute("SELECT version, checksum FROM schema_migrations").fetchall()
    return {int(str(version)): str(checksum) for version, checksum in rows}


def _applied(connection: Connection, where: str) -> dict[int, str]:
    applied = applied_steps(connection, where)
    if applied is None:
        with connection.transaction():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
            connection.execute(_RECORD)
    return applied or {}


def _apply(connection: Connection, step: Migration) -> None:
    with connection.transaction():
        connection.execute(step.sql.encode())
        connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
            [step.version, step.name, step.checksum],
        )
