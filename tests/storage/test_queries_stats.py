"""What samples and their rollups answer."""

import functools
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from config.models import Storage
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.errors import QueryLimitError
from storage.queries_stats import Meant, SortBy, StatsQueries
from storage.resolution import MANY, Resolution
from storage.rollups import advance, roll_up
from storage.rows import HostStatsRow, Row, StatsRow
from storage.sessions import Connection
from tests.storage import samples

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
START = NOW - timedelta(hours=3)
END = START + timedelta(hours=2)
ODD = "we\"b'%s\\ {} ü🐳"


def stats(second: int, **changes: object) -> StatsRow:
    row = samples.stats(0)
    known = {
        "time": START + timedelta(seconds=second),
        "cpu_percent": 10.0,
        "cpu_increase": 10**9,
        "memory_used": 100,
        "network_rx_increase": 5,
    }
    return msgspec.structs.replace(row, **{**known, **changes})


def host_stats(second: int, **changes: object) -> HostStatsRow:
    known = {
        "time": START + timedelta(seconds=second),
        "host": "h",
        "source": "machine",
        "cpus": 4,
        "cpu_percent": 150.0,
        "memory_total": 1000,
        "memory_used": 500,
        "load_1": 1.0,
        "network_rx_increase": 7,
    }
    unknown = dict.fromkeys(HostStatsRow.__struct_fields__)
    return HostStatsRow(**{**unknown, **known, **changes})  # type: ignore[arg-type] # by name


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, Storage())
    await made.prepare()
    yield made
    made.close()


@pytest.fixture
def queries(database: Database) -> StatsQueries:
    return StatsQueries(database, Storage())


async def write(database: Database, rows: Iterable[Row]) -> None:
    await database.write(lambda connection: write_batch(connection, batch_of(list(rows))))


async def rolled_up(database: Database) -> None:
    """Bring the rollups up to now, where a task of ours does it."""
    edition = (await database.about()).edition

    def work(connection: Connection) -> None:
        for family in ("container_stats", "host_stats"):
            advance(connection, family, days=2)
            while roll_up(connection, family, edition):
                pass

    if edition != "timescaledb-community":
        await database.maintain(work)


async def test_every_resolution_tells_the_same(database: Database, queries: StatsQueries) -> None:
    seconds = [*range(0, 1800, 10), *range(3600, 7200, 10)]  # and half an hour of nothing
    await write(
        database,
        [stats(n, cpu_percent=float(n % 60), memory_used=n) for n in seconds]
        + [stats(n, container_id="other") for n in seconds],
    )
    for prepare in (False, True):
        if prepare:
            await rolled_up(database)
        resolutions: list[Resolution] = ["raw", "1m", "1h"]
        for resolution in resolutions:
            found = await queries.containers("h", ["c1"], START, END, 2, resolution)
            assert found.grid.resolution == resolution
            assert found.grid.width == timedelta(hours=1)
            first, second = found.points
            assert (first.time, second.time) == (START, START + timedelta(hours=1))
            assert (first.samples, second.samples) == (180, 360)
            assert first.cpu_percent == pytest.approx(25.0)
            assert (first.cpu_percent_min, first.cpu_percent_max) == (0.0, 50.0)
            assert (first.memory_used_min, first.memory_used_max) == (0, 1790)
            assert first.memory_used == pytest.approx(895.0)
            assert (first.cpu_seconds, first.network_rx) == (180.0, 900)
            assert (first.network_tx, first.pids) == (None, 3)
        gaps = await queries.containers("h", ["c1"], START, END, 120, "1m")
        assert [(point.time - START) // timedelta(minutes=1) for point in gaps.points] == [
            *range(30),
            *range(60, 120),
        ]


async def test_samples_that_are_not_rolled_up_yet_count_once(
    database: Database, queries: StatsQueries
) -> None:
    await write(database, [stats(n) for n in range(0, 7200, 60)])
    await rolled_up(database)
    newest = timedelta(hours=3) - timedelta(seconds=5)  # of this very minute, or nearly
    await write(database, [stats(0, time=datetime.now(UTC) - timedelta(seconds=1))])
    found = await queries.containers("h", ["c1"], START, START + newest * 2, 1, "1d")
    assert sum(point.samples for point in found.points) == 121
    total = await queries.total(Meant(), START, START + newest * 2, 1, "1h")
    # A view of whole hours holds the minute that runs too, if it is up to date.
    assert [(point.samples in (120, 121), point.containers) for point in total.points] == [
        (True, 1)
    ]
    total = await queries.total(Meant(), START, START + newest * 2, 1, "1m")
    assert [point.samples for point in total.points] == [120]
    assert total.grid.end <= datetime.now(UTC)
    now = datetime.now(UTC)
    assert (await queries.total(Meant(), now, now + newest, 1)).points == []


async def test_what_is_rolled_up_meanwhile_counts_once(database: Database) -> None:
    edition = (await database.about()).edition
    await write(database, (stats(n) for n in range(0, 7200, 10)))

    class Meanwhile(StatsQueries):
        def _one(self, start: datetime, end: datetime, points: int) -> Resolution:
            options = "-c search_path=fleet,public -c timezone=UTC"
            with psycopg.connect(database.conninfo, autocommit=True, options=options) as other:
                assert edition == "timescaledb-community" or roll_up(
                    other, "container_stats", edition
                )
            return super()._one(start, end, points)

    if edition != "timescaledb-community":
        work = functools.partial(advance, family="container_stats", days=2)
        await database.maintain(work)
    start = END - timedelta(days=40)
    for _ in range(3):
        found = await Meanwhile(database, Storage()).containers("h", ["c1"], start, NOW, 1)
        assert found.grid.resolution == "1d"
        assert [point.samples for point in found.points] == [720]


async def test_incarnations_are_told_apart(database: Database, queries: StatsQueries) -> None:
    await write(
        database,
        [stats(0), stats(10), stats(20, container_id="c2", network_rx_increase=None), stats(30)],
    )
    found = await queries.containers("h", ["c1", "c2"], START, END, 1, "raw")
    assert [(point.container_id, point.samples, point.network_rx) for point in found.points] == [
        ("c1", 3, 15),
        ("c2", 1, None),
    ]


async def test_what_is_not_a_number_is_not_known(database: Database, queries: StatsQueries) -> None:
    await write(
        database,
        [
            stats(0, cpu_percent=float("nan")),
            stats(1, cpu_percent=None),
            stats(2),
            stats(600, cpu_percent=float("nan")),
        ],
    )
    resolutions: list[Resolution] = ["raw", "1m"]
    for resolution in resolutions:
        found = await queries.containers("h", ["c1"], START, END, 12, resolution)
        assert [
            (point.samples, point.cpu_percent, point.cpu_percent_max) for point in found.points
        ] == [(3, 10.0, 10.0), (1, None, None)]
    (top,) = (await queries.top(Meant(), START, END, "cpu", 5)).points
    assert (top.samples, top.cpu_percent) == (4, 10.0)


async def test_hosts_are_told_like_containers(database: Database, queries: StatsQueries) -> None:
    rows = [host_stats(n, load_1=n / 60) for n in range(0, 7200, 60)]
    await write(database, [*rows, host_stats(0, host="other"), host_stats(30, load_1=None)])
    for prepare in (False, True):
        if prepare:
            await rolled_up(database)
        resolutions: list[Resolution] = ["raw", "1m", "1h"]
        for resolution in resolutions:
            found = await queries.host("h", START, END, 2, resolution)
            first, second = found.points
            assert (first.samples, second.samples) == (61, 60)
            assert (first.cpus, first.cpu_percent, first.memory_used) == (4, 150.0, 500.0)
            assert (first.load_1_max, second.load_1_max) == (59.0, 119.0)
            assert second.load_1 == pytest.approx(89.5)
            assert (second.network_rx, second.network_tx, second.swap_used_max) == (420, None, None)


async def test_totals_are_sums_over_containers_and_averages_over_time(
    database: Database, queries: StatsQueries
) -> None:
    labelled = msgspec.structs.replace(
        samples.container("c1"), labels={"tier": "web", "a.b/c": ODD}
    )
    hosts = [samples.host("h"), msgspec.structs.replace(samples.host("other"), labels={})]
    elsewhere = msgspec.structs.replace(samples.container("c9"), host="other")
    await write(database, [*hosts, labelled, samples.container("c2"), elsewhere])
    await write(
        database,
        [stats(n) for n in range(0, 7200, 10)]
        + [stats(n, container_id="c2", cpu_percent=30.0) for n in range(0, 3600, 10)]
        + [stats(n, container_id="c9", host="other", memory_used=1) for n in range(0, 7200, 10)],
    )

    async def total(resolution: Resolution, **meant: object) -> list[tuple[object, ...]]:
        found = await queries.total(Meant(**meant), START, END, 2, resolution)  # type: ignore[arg-type] # by name
        return [
            (point.containers, point.cpu_percent, point.memory_used, point.network_rx)
            for point in found.points
        ]

    for prepare in (False, True):
        if prepare:
            await rolled_up(database)
        resolutions: list[Resolution] = ["1m", "1h"]
        for resolution in resolutions:
            whole = [(3, 50.0, 201.0, 5400), (2, 20.0, 101.0, 3600)]
            assert await total(resolution) == whole
            assert await total(resolution, hosts=("other",)) == [(1, 10.0, 1.0, 1800)] * 2
            one = [(1, 10.0, 100.0, 1800)] * 2
            assert await total(resolution, labels=(("tier", "web"),)) == one
            assert await total(resolution, labels=(("tier", None), ("a.b/c", ODD))) == one
            site = [(2, 40.0, 200.0, 3600), (1, 10.0, 100.0, 1800)]
            assert await total(resolution, labels=(("site", "fra"),)) == site
            assert await total(resolution, labels=(("site", ODD),)) == []


async def test_what_lived_shorter_than_a_step_counts_by_its_share(
    database: Database, queries: StatsQueries
) -> None:
    """Twelve of five minutes, one after the other."""
    minutes = timedelta(minutes=5)
    for number in range(12):
        born = START + number * minutes
        short = samples.container(f"short{number}", state="removed", removed=born + minutes)
        await write(database, [msgspec.structs.replace(short, created=born)])
        known = {"container_id": short.id, "cpu_percent": 100.0, "memory_used": 1200}
        await write(database, [stats(number * 300 + n, **known) for n in range(0, 300, 10)])
    # Elsewhere samples come less often, and one of two is there for half of the hour.
    await write(database, [stats(n, host="rare", container_id="a") for n in range(0, 3600, 60)])
    await write(database, [stats(n, host="rare", container_id="b") for n in range(0, 1800, 60)])
    for prepare in (False, True):
        if prepare:
            await rolled_up(database)
        for hosts, cpu, memory in ((("h",), 100.0, 1200.0), (("rare",), 15.0, 150.0)):
            for resolution in MANY:
                end = START + timedelta(hours=1)
                found = await queries.total(Meant(hosts=hosts), START, end, 1, resolution)
                (point,) = found.points
                if resolution == "1d":  # one step, of which the rest of the day is not there
                    assert point.cpu_percent is not None
                    assert point.cpu_percent <= cpu * 1.01
                    continue
                assert point.cpu_percent == pytest.approx(cpu), (hosts, resolution)
                assert point.memory_used == pytest.approx(memory), (hosts, resolution)
        (point,) = (await queries.total(Meant(), START, END, 1, "1h")).points
        assert point.cpu_percent == pytest.approx(115.0)
        assert point.containers == 14


async def test_many_incarnations_have_longer_steps_and_none_is_left_out(
    database: Database, queries: StatsQueries
) -> None:
    await write(
        database,
        [stats(n, container_id="c1") for n in range(6000)]
        + [stats(n, container_id="c2") for n in range(6000)],
    )
    found = await queries.containers("h", ["c1", "c2"], START, END, 7200, "raw")
    assert found.grid.width == timedelta(seconds=2)
    assert sum(point.samples for point in found.points) == 12_000
    assert found.points[-1].time == START + timedelta(seconds=5998)


async def test_the_most_hungry_come_first(database: Database, queries: StatsQueries) -> None:
    await write(
        database,
        [stats(n, container_id="cpu", cpu_percent=90.0) for n in range(0, 600, 60)]
        + [stats(n, container_id="memory", memory_used=10**9) for n in range(0, 600, 60)]
        + [stats(n, container_id="net", network_tx_increase=99) for n in range(0, 600, 60)]
        + [stats(n, container_id="disk", block_write_increase=1) for n in range(0, 600, 60)],
    )
    await rolled_up(database)
    firsts: dict[SortBy, str] = {
        "cpu": "cpu",
        "memory": "memory",
        "network": "net",
        "block": "disk",
    }
    for sort, first in firsts.items():
        found = await queries.top(Meant(), START, END, sort, 2)
        assert len(found.points) == 2
        assert found.points[0].id == first
    assert (await queries.top(Meant(hosts=("x",)), START, END, "cpu", 2)).points == []


async def test_a_name_may_be_anything(database: Database, queries: StatsQueries) -> None:
    await write(database, [stats(0, host=ODD, container_id=ODD, name=ODD), stats(1, host="h\0")])
    found = await queries.containers(ODD, [ODD], START, END, 1)
    assert [point.container_id for point in found.points] == [ODD]
    assert len((await queries.containers("h\0", ["c1"], START, END, 1)).points) == 1
    assert (await queries.latest(ODD, ["none", ODD])) is not None
    assert (await queries.latest(ODD, ["none"])) is None


async def test_the_future_is_empty(queries: StatsQueries) -> None:
    start = datetime.now(UTC) + timedelta(days=3)
    for points in (1, 300):
        found = await queries.containers("h", ["c1"], start, start + timedelta(days=2), points)
        assert found.points == []
    assert (await queries.total(Meant(), start, start + timedelta(hours=1), 10)).points == []


TOO_MUCH: list[tuple[int, int, Resolution | None, str]] = [
    (801, 10, None, "800 days"),
    (31, 10, "raw", "30 days"),
    (0, 10, None, "after its start"),
    (-1, 10, None, "after its start"),
    (1, 0, None, "1 to 10,000 points"),
    (1, 10_001, None, "1 to 10,000 points"),
]


async def test_too_much_is_not_asked_of_the_database(queries: StatsQueries) -> None:
    for days, points, resolution, message in TOO_MUCH:
        end = START + timedelta(days=days)
        with pytest.raises(QueryLimitError, match=message):
            await queries.containers("h", ["c"], START, end, points, resolution)
    with pytest.raises(QueryLimitError, match="1m, 1h or 1d"):
        await queries.total(Meant(), START, END, 10, "raw")


async def test_many_machines_are_told_at_once(database: Database, queries: StatsQueries) -> None:
    rows = [host_stats(n, cpu_percent=float(n % 120)) for n in range(0, 600, 60)]
    rows += [host_stats(300, host="g", cpus=2, cpu_percent=None, memory_total=10)]
    await write(database, [*rows, host_stats(0, host="of nobody")])
    wanted = ["h", "g", "never heard of"]
    for prepare in (False, True):
        if prepare:
            await rolled_up(database)
        found = await queries.hosts(wanted, START, START + timedelta(minutes=10), 5)
        assert (found.grid.resolution, found.grid.width) == ("1m", timedelta(minutes=2))
        other, machine = found.points
        assert (other.host, other.steps, other.cpu_percent) == ("g", [2], [None])
        assert (other.cpus, other.memory_total, other.memory_used) == (2, 10, [500.0])
        assert (machine.host, machine.steps) == ("h", [0, 1, 2, 3, 4])
        assert machine.cpu_percent == pytest.approx([30.0] * 5)
