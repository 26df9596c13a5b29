"""The shape of history's tables by edition: hypertables, or native partitions by time.

The migrations are the same everywhere and make ordinary tables. What is done here can be repeated
and resumed: a table that holds rows is renamed aside, a new one takes its place, and the rows move
over hour by hour, so that also a database that gets TimescaleDB later is brought along.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import msgspec
import psycopg
from psycopg import sql

from storage import community, partitions
from storage.edition import About, about
from storage.errors import DatabaseError
from storage.layout import LAYOUT, RAW, ROLLUPS, Layout
from storage.sessions import Connection

_log = logging.getLogger(__name__)

ASIDE = "_unshaped"
_NAMES = {"plain": "plain PostgreSQL", "timescaledb-apache": "TimescaleDB's Apache edition"}
_MOST_PARTITIONS = 400  # made for rows that are there; those of yet older times go to DEFAULT

_STATE = """
SELECT (SELECT count(*) > 0 FROM pg_extension WHERE extname = 'timescaledb'),
       (SELECT count(*) > 0 FROM pg_available_extensions WHERE name = 'timescaledb'),
       current_setting('timescaledb.disable_load', true) IS NOT NULL
"""
_KINDS = """
SELECT relname, relkind::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace
"""
_HYPERTABLES = """
SELECT hypertable_name FROM timescaledb_information.hypertables
WHERE hypertable_schema = current_schema()
"""
_BY_ITSELF = """
UPDATE rollup_progress SET up_to = '-infinity', readable_to = 'infinity'
WHERE readable_to < 'infinity'
"""
_INDEXES = """
SELECT index.relname, pg_get_indexdef(indexrelid), pg_get_constraintdef(pg_constraint.oid)
FROM pg_index
JOIN pg_class AS index ON index.oid = indexrelid
LEFT JOIN pg_constraint ON conindid = indexrelid AND conrelid = indrelid
WHERE indrelid = %s::regclass
"""


class Progress(msgspec.Struct, frozen=True):
    """How far the rows of a table have moved to its new shape, in hours of history."""

    table: str
    done: int
    total: int


Report = Callable[[Progress], None]


def ignore(_progress: Progress) -> None:
    """For those whom the progress does not interest."""


def shape(connection: Connection, where: str, report: Report = ignore) -> About:
    """Give every table of history its shape; returns what the server then is.

    The caller holds the lock of migrations, and no time limit is set that long work would meet.

    Raises:
        DatabaseError: TimescaleDB is in the database, but its library is not loaded; or Community
            shaped it, and this server is another edition.
        psycopg.Error: as met; the next call goes on from there.
    """
    known = _with_extension(connection, where)
    kinds = {str(name): kind for name, kind in connection.execute(_KINDS)}
    aggregated = known.edition == "timescaledb-community"
    if not aggregated and any(kinds.get(table) == "v" for table in ROLLUPS):
        raise DatabaseError(
            f"{where}: TimescaleDB Community keeps the rollups there as continuous aggregates, and"
            f" this server is {_NAMES[known.edition]}. Start it with Community again (timescaledb"
            ".license = 'timescale'), take all out with `fleet db backup`, and put it with `fleet"
            " db restore` into a new database of this server."
        )
    shaped = _shaped(connection, known)
    for table, layout in (RAW if aggregated else LAYOUT).items():
        if table in kinds and table not in shaped:
            _reshape(connection, table, layout, known)
        if table not in shaped or f"{table}{ASIDE}" in kinds:
            if known.edition == "plain":
                _make_partitions(connection, table, layout)
            _bring_rows(connection, table, sql.Identifier(table), report)
    if aggregated:
        _aggregate(connection, kinds, report)
    return known


def _aggregate(connection: Connection, kinds: dict[str, object], report: Report) -> None:
    """Put continuous aggregates in the place of the rollups' tables, with the rows of these."""
    for level in community.aggregates():
        if kinds[level.target] != "v":
            with connection.transaction():
                put_aside(connection, level.target)
                community.make_aggregate(connection, level)
        if kinds[level.target] != "v" or f"{level.target}{ASIDE}" in kinds:
            target = sql.Identifier(*community.materialized(connection, level.target))
            _bring_rows(connection, level.target, target, report)
    connection.execute(_BY_ITSELF)
    connection.execute("DELETE FROM rollup_late")


def _with_extension(connection: Connection, where: str) -> About:
    """What the server is, after making the extension where that is possible."""
    known = about(connection)
    row = connection.execute(_STATE).fetchone()
    made, available, loaded = row or (False, False, False)
    if known.edition != "plain" or not (made or (available and loaded)):
        return known
    if made:
        raise DatabaseError(
            f"{where} uses TimescaleDB, but the server has not loaded it. Put timescaledb into its"
            " shared_preload_libraries and restart it."
        )
    try:
        with connection.transaction():
            connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as error:
        _log.warning(
            "%s has TimescaleDB, but fleet may not use it (%s). Run CREATE EXTENSION timescaledb"
            " there as its administrator and restart fleet.",
            where,
            error,
        )
        return known
    return about(connection)


def _shaped(connection: Connection, known: About) -> set[object]:
    if known.edition == "plain":
        return {name for name, kind in connection.execute(_KINDS) if kind == "p"}
    return {name for (name,) in connection.execute(_HYPERTABLES)}


def _reshape(connection: Connection, table: str, layout: Layout, known: About) -> None:
    """Put the table aside and an empty one of the right shape in its place."""
    with connection.transaction():
        _replace(connection, table, partitioned=known.edition == "plain")
        if known.edition != "plain":
            make_hypertable(connection, table, layout.width)


def make_hypertable(connection: Connection, table: str, width: timedelta) -> None:
    """Make the empty `table` a hypertable with chunks of this width."""
    connection.execute(
        "SELECT create_hypertable(%s, by_range('time', %s), create_default_indexes => false)",
        [table, width],
    )


def put_aside(connection: Connection, table: str) -> list[str]:
    """Rename `table` and its indexes; returns the SQL that makes these anew."""
    definitions = []
    for name, index, constraint in connection.execute(_INDEXES, [table]).fetchall():
        aside = sql.Identifier(f"{name}{ASIDE}")
        rename = sql.SQL("ALTER INDEX {} RENAME TO {}").format(sql.Identifier(str(name)), aside)
        connection.execute(rename)
        definitions.append(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} {constraint}"
            if constraint
            else str(index).replace(" ON ONLY ", " ON ")
        )
    names = sql.Identifier(table), sql.Identifier(table + ASIDE)
    connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(*names))
    return definitions


def _replace(connection: Connection, table: str, *, partitioned: bool) -> None:
    indexes = put_aside(connection, table)
    names = {
        "table": sql.Identifier(table),
        "aside": sql.Identifier(table + ASIDE),
        "default": sql.Identifier(partitions.default_of(table)),
    }
    create = "CREATE TABLE {table} (LIKE {aside} INCLUDING ALL EXCLUDING INDEXES)"
    if partitioned:
        connection.execute(sql.SQL(create + " PARTITION BY RANGE (time)").format(**names))
        connection.execute(
            sql.SQL("CREATE TABLE {default} PARTITION OF {table} DEFAULT").format(**names)
        )
    else:
        connection.execute(sql.SQL(create).format(**names))
    for definition in indexes:
        connection.execute(definition.encode())


def _make_partitions(connection: Connection, table: str, layout: Layout) -> None:
    """Make the partitions for the rows that were put aside."""
    bins = f"SELECT DISTINCT date_bin(%s, time, '1970-01-01Z') FROM {table}{ASIDE}"  # noqa: S608 - names of ours
    limits = " WHERE time > '2000-01-01' AND time < now() + interval '2 days'"
    newest = f"{bins}{limits} ORDER BY 1 DESC LIMIT {_MOST_PARTITIONS}"
    found = [start for (start,) in connection.execute(newest.encode(), [layout.width])]
    partitions.make(connection, table, layout.width, found)  # type: ignore[arg-type] # times


def _bring_rows(connection: Connection, table: str, target: sql.Identifier, report: Report) -> None:
    """Move the rows that were put aside, newest first, and drop what then is empty."""
    aside = sql.Identifier(table + ASIDE)
    hours = connection.execute(
        sql.SQL(
            "SELECT DISTINCT date_bin('1 hour', time, '1970-01-01Z')::text AS hour FROM {}"
            " ORDER BY hour DESC"
        ).format(aside)
    ).fetchall()
    for done, (hour,) in enumerate(hours):
        report(Progress(table, done, len(hours)))
        connection.execute(_MOVE.format(target=target, aside=aside), [hour, hour])
    if hours:
        report(Progress(table, len(hours), len(hours)))
    connection.execute(sql.SQL("DROP TABLE {}").format(aside))


_MOVE = sql.SQL(
    "WITH moved AS (DELETE FROM {aside} WHERE time >= %s::timestamptz"
    " AND time < %s::timestamptz + interval '1 hour' RETURNING *)"
    " INSERT INTO {target} SELECT * FROM moved ON CONFLICT DO NOTHING"
)
