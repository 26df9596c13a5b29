"""The version of fleet's schema that a database has, for those who only look."""

from __future__ import annotations

import msgspec

from storage.errors import DatabaseError
from storage.migrate import SCHEMA, Migration, bundled_migrations, pending
from storage.sessions import Connection

_OBJECTS = """
SELECT count(*), to_regclass(%s) IS NOT NULL FROM pg_class WHERE relnamespace = to_regnamespace(%s)
"""
_APPLIED = "SELECT version, checksum FROM schema_migrations"


class SchemaState(msgspec.Struct, frozen=True, kw_only=True):
    """`applied` is the newest version there, 0 of an empty database; `known` that of this fleet."""

    applied: int
    known: int
    pending: list[str]


def schema_state(connection: Connection, where: str) -> SchemaState:
    """Look at the schema, and change nothing.

    Raises:
        DatabaseError: the schema is newer than this fleet, or not fleet's at all.
    """
    steps = bundled_migrations()
    applied = _applied(connection, where)
    todo = pending(steps, applied, where)
    return SchemaState(
        applied=max(applied, default=0),
        known=max(step.version for step in steps),
        pending=list(map(_name, todo)),
    )


def _applied(connection: Connection, where: str) -> dict[int, str]:
    objects, ours = connection.execute(
        _OBJECTS, [f"{SCHEMA}.schema_migrations", SCHEMA]
    ).fetchone() or (0, False)
    if objects and not ours:
        raise DatabaseError(
            f"{where}: the schema `{SCHEMA}` there is not fleet's own. Use another database."
        )
    rows = connection.execute(_APPLIED).fetchall() if ours else []
    return {int(str(version)): str(checksum) for version, checksum in rows}


def _name(step: Migration) -> str:
    return step.name
