"""Logs, searched and paged."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from config.models import Storage
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.errors import QueryLimitError
from storage.queries_logs import BadRegexError, LinesMeant, LogPlace, LogQueries
from storage.rows import LogRow, Row
from tests.storage import samples
from tests.storage.samples import START

END = START + timedelta(hours=1)
ODD = "100%_\\ 'ü🐳' \\d (a"


def line(number: int, text: str = "", **changes: object) -> LogRow:
    time = START + timedelta(milliseconds=number)
    row = LogRow(
        time=time,
        time_nano=int(time.timestamp()) * 10**9 + number % 1000 * 10**6,
        host="h",
        container_id="c1",
        name="web",
        identity="name:web",
        stream="stdout",
        sequence=0,
        level="info",
        line=text or f"line {number}",
        truncated=False,
    )
    return msgspec.structs.replace(row, **changes)


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, Storage())
    await made.prepare()
    await write(made, *(samples.container(name) for name in ("c1", "c2")))
    elsewhere = msgspec.structs.replace(samples.container("c1"), host="other", name="db")
    odd = {"team": "shop", "empty": ""}
    elsewhere = msgspec.structs.replace(elsewhere, labels=odd)
    await write(made, elsewhere, msgspec.structs.replace(elsewhere, id="abcd1234", name=ODD))
    yield made
    made.close()


@pytest.fixture
def queries(database: Database) -> LogQueries:
    return LogQueries(database, Storage())


async def write(database: Database, *rows: Row) -> None:
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))


async def test_pages_join_without_a_gap_both_ways(database: Database, queries: LogQueries) -> None:
    same = [
        line(7, stream=stream, sequence=number, container_id=container)
        for container in ("c1", "c2")
        for stream in ("stderr", "stdout")
        for number in range(3)
    ]
    rows = [*(line(number) for number in range(7)), *same, *(line(number) for number in (8, 9))]
    await write(database, *rows)
    for newest in (True, False):
        read: list[LogRow] = []
        beyond: LogPlace | None = None
        while page := await queries.lines(
            LinesMeant(), START, END, 4, newest=newest, beyond=beyond
        ):
            read = [*page, *read] if newest else [*read, *page]
            beyond = LogPlace.of(page[0] if newest else page[-1])
        assert read == rows


WANTED: list[tuple[dict[str, object], list[int]]] = [
    ({"text": "LINE 3"}, [3]),
    ({"text": "100%_\\ '"}, [5]),
    ({"text": "line_3"}, []),
    ({"regex": "^line [12]$"}, [1, 2]),
    ({"regex": "(?i)LINE 1"}, [1]),
    ({"levels": ("error", "critical")}, [4]),
    ({"streams": ("stderr",)}, [2]),
    ({"containers": ("c1",), "hosts": ("h",)}, [1, 2, 3, 4, 5]),
    ({"containers": ("name:web",), "hosts": ("h",)}, [1, 2, 3, 4, 5, 6]),
    ({"containers": ("abcd",)}, [7]),
    ({"containers": (ODD, "c2")}, [6, 7]),
    ({"containers": ("c",)}, []),
    ({"containers": ("web\0",)}, []),
    ({"hosts": ("other",)}, [7]),
    ({"labels": (("team", "shop"), ("empty", None))}, [7]),
    ({"labels": (("team", "other"),)}, []),
    ({"labels": (("team", "shop"), ("team", "other"))}, []),
    ({"labels": (("empty", ""),), "hosts": ("h",)}, []),
]


async def test_lines_are_found(database: Database, queries: LogQueries) -> None:
    rows = {
        1: line(1),
        2: line(2, stream="stderr"),
        3: line(3),
        4: line(4, "boom", level="error"),
        5: line(5, ODD),
        6: line(6, "elsewhere", container_id="c2"),
        7: line(7, "far", host="other", container_id="abcd1234"),
    }
    await write(database, *rows.values())
    for meant, numbers in WANTED:
        found = await queries.lines(LinesMeant(**meant), START, END, 100)  # type: ignore[arg-type] # by name
        assert found == [rows[number] for number in numbers], meant


BAD = {"(a": 0, "a(b|c": 1, "a)b": 1, "ok[z": 2, "x**": 2, "(a)(b": 3, "*a": 0}


async def test_a_bad_expression_is_told_with_its_place(queries: LogQueries) -> None:
    for regex, position in BAD.items():
        with pytest.raises(BadRegexError) as caught:
            await queries.lines(LinesMeant(regex=regex), START, END, 1)
        assert caught.value.position == position, regex
        assert str(caught.value)


async def test_the_range_is_bounded_and_exclusive(database: Database, queries: LogQueries) -> None:
    await write(database, line(1), line(2))
    millisecond = timedelta(milliseconds=1)
    found = await queries.lines(LinesMeant(), START + millisecond, START + 2 * millisecond, 10)
    assert found == [line(1)]
    with pytest.raises(QueryLimitError, match="30 days"):
        await queries.lines(LinesMeant(), START, START + timedelta(days=31), 10)


async def test_containers_that_were_not_there_are_not_looked_into(
    database: Database, queries: LogQueries
) -> None:
    """Told by lines that cannot be: of long before or after."""
    day = timedelta(days=1)
    gone = samples.container("gone", state="removed", removed=START - 2 * day)
    late = msgspec.structs.replace(samples.container("late"), created=END + 2 * day)
    near = [
        samples.container("just gone", state="removed", removed=START - day / 2),
        msgspec.structs.replace(samples.container("unborn"), created=END + day / 2),
        msgspec.structs.replace(samples.container("ageless"), created=None),
    ]
    rows = [line(n, container_id=row.id) for n, row in enumerate([*near, gone, late])]
    await write(database, gone, late, *near, *rows)
    assert await queries.lines(LinesMeant(), START, END, 10) == rows[:3]
