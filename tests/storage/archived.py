"""A history with a bit of everything that an archive must not lose."""

import functools
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg

from config.models import Storage
from storage import rollups
from storage.archive_tables import archived
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.layout import SAMPLED
from storage.migrate import SCHEMA
from storage.rows import (
    AuditRow,
    HostStatsRow,
    ImageRow,
    ImageVersionRow,
    LogRow,
    Row,
    StatsRow,
)
from storage.sessions import Connection
from tests.storage.samples import START, container, event, health, host, route_change, stats

NASTY = "tab\t, line\n, return\r, back\\slash \\N \\. \N{GRINNING FACE} ' \" \x01"
LATER = START + timedelta(hours=2)


def _at(row: StatsRow, time: datetime) -> StatsRow:
    return msgspec.structs.replace(row, time=time)


def _machine(number: int) -> HostStatsRow:
    return HostStatsRow(
        time=START + timedelta(minutes=number),
        host="h",
        source="machine",
        cpus=4,
        cpu_percent=0.1 * number,
        load_1=1e-300,
        load_5=None,
        load_15=1 / 3,
        memory_total=2**40,
        memory_used=number,
        swap_total=None,
        swap_used=None,
        disk_total=2**50,
        disk_used=1,
        network_rx=number,
        network_tx=None,
        network_rx_increase=1,
        network_tx_increase=None,
    )


def _line(number: int) -> LogRow:
    return LogRow(
        time=START + timedelta(seconds=number),
        time_nano=number,
        host="h",
        container_id="c1",
        name="web",
        identity="name:web",
        stream="stdout",
        sequence=0,
        level=None,
        line=f"{number} {NASTY}",
        truncated=False,
    )


def image(*, seen: int = 0, first_seen: int = 0) -> ImageRow:
    return ImageRow(
        host="h",
        id="sha256:1",
        tags=["a:1", NASTY],
        digests=[],
        size=7,
        architecture="arm64",
        operating_system=None,
        created=datetime(1980, 1, 1, tzinfo=UTC),
        first_seen=START + timedelta(seconds=first_seen),
        seen=START + timedelta(seconds=seen),
    )


def everything() -> list[Row]:
    """Rows of every table, some of them awkward."""
    version = ImageVersionRow(
        time=START,
        host="h",
        reference="a:1",
        image_id="sha256:1",
        digest=None,
        size=7,
        created=START,
    )
    return [
        *(stats(number * 10) for number in range(60)),
        _at(msgspec.structs.replace(stats(1), cpu_percent=None), LATER),
        *(_machine(number) for number in range(10)),
        *(event(number, action=f"exec_start: {NASTY}") for number in range(10)),
        *(_line(number) for number in range(10)),
        health(1),
        msgspec.structs.replace(health(2), error=NASTY, response_seconds=float("inf")),
        host(),
        container(),
        image(),
        version,
        msgspec.structs.replace(route_change(1), summary=NASTY, after=[NASTY], status=None),
        AuditRow(time=START, kind="token-refused", who="", address="::1", detail=NASTY, count=7),
    ]


def connected(conninfo: str) -> Connection:
    connection = psycopg.connect(conninfo, autocommit=True)
    connection.execute(f"SET search_path TO {SCHEMA}, public".encode())
    connection.execute("SET timezone TO 'UTC'")
    return connection


_ALLOWED = """
INSERT INTO access_tokens (id, name, hash, role, scope, created_by, expires)
VALUES ('aaaaaaaaaa', 'one', '\\x00ff5c', 'viewer', '["site=a b", "\\\\"]', E'tab\\t', now());
INSERT INTO accounts (name, password, role, scope, created_by) VALUES ('ann', '$argon2id$', 'admin',
    '[]', '')
"""
_OPEN: list[Database] = []


def database(conninfo: str) -> Database:
    """A database that `close_databases` closes."""
    _OPEN.append(Database(conninfo, None, Storage()))
    return _OPEN[-1]


def close_databases() -> None:
    while _OPEN:
        _OPEN.pop().close()


async def roll_up(made: Database) -> None:
    """Roll up all of `everything`."""
    edition = (await made.about()).edition
    marks = "UPDATE rollup_progress SET readable_to = %s, up_to = %s"
    end = START + timedelta(hours=3)
    await made.maintain(lambda it: it.execute(marks, [START, end]))
    for family in SAMPLED:
        step = functools.partial(rollups.roll_up, family=family, edition=edition)
        while await made.maintain(step):
            pass


async def filled(conninfo: str) -> Database:
    """A database with `everything`, rolled up; of the first day's samples only the rollups."""
    made = database(conninfo)
    await made.write(lambda connection: write_batch(connection, batch_of(everything())))
    await roll_up(made)
    with connected(conninfo) as connection:
        connection.execute(_ALLOWED.encode())
        connection.execute("DELETE FROM container_stats WHERE time < %s", [START.replace(minute=5)])
    return made


def content(conninfo: str) -> dict[str, list[object]]:
    """All rows of each table, as text in order."""
    with connected(conninfo) as connection:
        return {
            name: [
                row
                for (row,) in connection.execute(
                    f"SELECT concat_ws('|', {', '.join(kept.columns)}) FROM {name} ORDER BY 1".encode()  # noqa: E501, S608 - names of ours
                )
            ]
            for name, kept in archived().items()
        }
