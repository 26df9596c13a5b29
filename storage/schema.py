"""The version of fleet's schema that a database has, for those who only look."""

from __future__ import annotations

import msgspec

from storage.migrate import Migration, applied_steps, bundled_migrations, pending
from storage.sessions import Connection


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
    applied = applied_steps(connection, where) or {}
    todo = pending(steps, applied, where)
    return SchemaState(
        applied=max(applied, default=0),
        known=max(step.version for step in steps),
        pending=list(map(_name, todo)),
    )


def _name(step: Migration) -> str:
    return step.name
