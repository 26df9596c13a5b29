"""The tables that rows go to: columns, their types for a binary COPY, and what a row looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from storage.rows import (
    AuditRow,
    ContainerRow,
    EventRow,
    HealthRow,
    HostRow,
    HostStatsRow,
    ImageRow,
    ImageVersionRow,
    LogRow,
    RouteChangeRow,
    Row,
    StatsRow,
)

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
KEY_CHARACTERS = 256


class Table(msgspec.Struct, frozen=True):
    """One table. `columns` are in the order of the row's fields.

    A current-state table keeps the newest row of each key, by its column `seen`; the others keep
    the first of each key, so that a batch may be written again.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    current: bool
    values: Callable[[Any], tuple[Any, ...]]
    kept: tuple[str, ...] = ()  # columns of current state that stay as they were first written

    @property
    def staging(self) -> str:
        """The temporary table that a merge goes through."""
        return f"staged_{self.name}"

    def stage(self) -> str:
        """SQL for the staging table, made once in a connection and emptied by each commit."""
        return (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.staging}"
            f" (LIKE {self.name}) ON COMMIT DELETE ROWS"
        )

    def copy(self, target: str) -> str:
        """SQL for a COPY of this table's columns into `target`."""
        return f"COPY {target} ({', '.join(self.columns)}) FROM STDIN (FORMAT binary)"

    def merge(self) -> str:
        """SQL that moves what is staged into the table, each key once."""
        columns = ", ".join(self.columns)
        insert = f"INSERT INTO {self.name} AS old ({columns}) SELECT {columns} FROM {self.staging}"  # noqa: S608 - names of ours
        key = ", ".join(self.key)
        if not self.current:
            return f"{insert} ON CONFLICT ({key}) DO NOTHING"
        changes = ", ".join(
            f"{name} = excluded.{name}" for name in self.columns if name not in self.kept
        )
        return (
            f"{insert} ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE old.seen <= excluded.seen"
        )


def clean(text: str) -> str:
    """`text` as PostgreSQL can store it: no NUL, nothing that is not Unicode."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", _REPLACEMENT).encode(errors="replace").decode()


def _json(pairs: dict[str, str]) -> Jsonb:
    return Jsonb({clean(key): clean(value) for key, value in pairs.items()}, msgspec.json.encode)


def _json_list(items: list[str]) -> Jsonb:
    return Jsonb([clean(item) for item in items], msgspec.json.encode)


def _cleaned(row: Row) -> tuple[Any, ...]:
    return tuple(
        clean(value)
        if isinstance(value, str)
        else _json(value)
        if isinstance(value, dict)
        else _json_list(value)
        if isinstance(value, list)
        else value
        for value in msgspec.structs.astuple(row)
    )


def _event(row: EventRow) -> tuple[Any, ...]:
    # Of an exec, the Engine's action holds the whole command line; an index entry is limited.
    short = msgspec.structs.replace(
        row, action=row.action[:KEY_CHARACTERS], actor_id=row.actor_id[:KEY_CHARACTERS]
    )
    return _cleaned(short)


def _stats(row: StatsRow) -> tuple[Any, ...]:
    # The hot path: the same as `_cleaned`, with the columns known.
    time, host, container, name, identity, *figures = msgspec.structs.astuple(row)
    return (time, clean(host), clean(container), clean(name), clean(identity), *figures)


HOSTS = Table(
    "hosts",
    {
        "name": "text",
        "connection": "text",
        "target": "text",
        "labels": "jsonb",
        "seen": "timestamptz",
        "engine_version": "text",
        "api_version": "text",
        "operating_system": "text",
        "architecture": "text",
        "cpus": "int4",
        "memory": "int8",
    },
    ("name",),
    True,
    _cleaned,
)

CONTAINERS = Table(
    "containers",
    {
        "host": "text",
        "id": "text",
        "name": "text",
        "identity": "text",
        "image": "text",
        "image_id": "text",
        "state": "text",
        "health": "text",
        "labels": "jsonb",
        "created": "timestamptz",
        "started": "timestamptz",
        "finished": "timestamptz",
        "exit_code": "int8",
        "restart_count": "int8",
        "seen": "timestamptz",
        "removed": "timestamptz",
    },
    ("host", "id"),
    True,
    _cleaned,
)

EVENTS = Table(
    "container_events",
    {
        "host": "text",
        "time": "timestamptz",
        "time_nano": "int8",
        "type": "text",
        "action": "text",
        "actor_id": "text",
        "name": "text",
        "exit_code": "int8",
        "attributes": "jsonb",
    },
    ("host", "time", "time_nano", "type", "action", "actor_id"),
    False,
    _event,
)

HEALTH = Table(
    "host_health",
    {
        "time": "timestamptz",
        "host": "text",
        "status": "text",
        "engine_version": "text",
        "running": "int4",
        "total": "int4",
        "unhealthy": "int4",
        "response_seconds": "float8",
        "error": "text",
        "error_kind": "text",
        "attempts": "int4",
    },
    ("host", "time"),
    False,
    _cleaned,
)

STATS = Table(
    "container_stats",
    {
        "time": "timestamptz",
        "host": "text",
        "container_id": "text",
        "name": "text",
        "identity": "text",
        "cpu_percent": "float8",
        "cpu_total": "int8",
        "system_total": "int8",
        "online_cpus": "int4",
        "memory_used": "int8",
        "memory_limit": "int8",
        "network_rx": "int8",
        "network_tx": "int8",
        "block_read": "int8",
        "block_write": "int8",
        "pids": "int8",
        "started": "timestamptz",
        "cpu_increase": "int8",
        "network_rx_increase": "int8",
        "network_tx_increase": "int8",
        "block_read_increase": "int8",
        "block_write_increase": "int8",
    },
    ("host", "container_id", "time"),
    False,
    _stats,
)

HOST_STATS = Table(
    "host_stats",
    {
        "time": "timestamptz",
        "host": "text",
        "source": "text",
        "cpus": "int4",
        "cpu_percent": "float8",
        "load_1": "float8",
        "load_5": "float8",
        "load_15": "float8",
        "memory_total": "int8",
        "memory_used": "int8",
        "swap_total": "int8",
        "swap_used": "int8",
        "disk_total": "int8",
        "disk_used": "int8",
        "network_rx": "int8",
        "network_tx": "int8",
        "network_rx_increase": "int8",
        "network_tx_increase": "int8",
    },
    ("host", "time"),
    False,
    _cleaned,
)

LOGS = Table(
    "container_logs",
    {
        "time": "timestamptz",
        "time_nano": "int8",
        "host": "text",
        "container_id": "text",
        "name": "text",
        "identity": "text",
        "stream": "text",
        "sequence": "int4",
        "level": "text",
        "line": "text",
        "truncated": "bool",
    },
    ("host", "container_id", "time", "time_nano", "stream", "sequence"),
    False,
    _cleaned,
)

IMAGES = Table(
    "docker_images",
    {
        "host": "text",
        "id": "text",
        "tags": "jsonb",
        "digests": "jsonb",
        "size": "int8",
        "architecture": "text",
        "operating_system": "text",
        "created": "timestamptz",
        "first_seen": "timestamptz",
        "seen": "timestamptz",
        "removed": "timestamptz",
    },
    ("host", "id"),
    True,
    _cleaned,
    kept=("first_seen",),
)

IMAGE_VERSIONS = Table(
    "image_versions",
    {
        "time": "timestamptz",
        "host": "text",
        "reference": "text",
        "image_id": "text",
        "digest": "text",
        "size": "int8",
        "created": "timestamptz",
    },
    ("host", "reference", "time"),
    False,
    _cleaned,
)

ROUTE_CHANGES = Table(
    "route_changes",
    {
        "time": "timestamptz",
        "revision": "int8",
        "kind": "text",
        "domain": "text",
        "path": "text",
        "status": "text",
        "before": "jsonb",
        "after": "jsonb",
        "summary": "text",
        "cause_event": "text",
        "cause_host": "text",
        "cause_container": "text",
        "cause_container_id": "text",
    },
    ("time", "revision", "domain", "path"),
    False,
    _cleaned,
)

AUDIT = Table(
    "access_audit",
    {
        "time": "timestamptz",
        "kind": "text",
        "who": "text",
        "address": "text",
        "detail": "text",
        "count": "int8",
    },
    ("time", "kind", "who", "address"),
    False,
    _cleaned,
)

TABLES: dict[type[Row], Table] = {
    HostRow: HOSTS,
    ContainerRow: CONTAINERS,
    EventRow: EVENTS,
    HealthRow: HEALTH,
    StatsRow: STATS,
    HostStatsRow: HOST_STATS,
    LogRow: LOGS,
    ImageRow: IMAGES,
    ImageVersionRow: IMAGE_VERSIONS,
    RouteChangeRow: ROUTE_CHANGES,
    AuditRow: AUDIT,
}
