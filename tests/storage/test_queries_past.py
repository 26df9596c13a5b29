"""What was: removed containers, their events, images."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from config.models import Storage
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.queries_past import PastQueries
from storage.rows import ContainerRow, ImageVersionRow, Row
from tests.storage import samples
from tests.storage.samples import START

END = START + timedelta(hours=1)
ODD = "we\"b'%s\\ {} ü🐳"


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, Storage())
    await made.prepare()
    yield made
    made.close()


@pytest.fixture
def queries(database: Database) -> PastQueries:
    return PastQueries(database, Storage())


async def write(database: Database, *rows: Row) -> None:
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))


def container(id_: str, minute: int = 0, **changes: object) -> ContainerRow:
    row = samples.container(id_, seen=minute * 60)
    created = START + timedelta(minutes=minute)
    return msgspec.structs.replace(row, **{"created": created, **changes})


async def test_containers_are_found_by_what_fits_best(
    database: Database, queries: PastQueries
) -> None:
    gone = START + timedelta(minutes=5)
    await write(
        database,
        container("aaaa1", removed=gone),
        container("aaaa2", 5),
        container("bbbb1", name="aaaa1", identity="compose:p/s/1"),
        container("cccc1", name=ODD, identity=f"name:{ODD}"),
        container("aaaa1", host="other"),
    )

    async def ids(ref: str, host: str | None = "h") -> list[str]:
        return [found.id for found in await queries.recorded(host, ref)]

    assert await ids("aaaa1") == ["aaaa1"]
    assert await ids("web") == ["aaaa2", "aaaa1"]
    assert await ids("name:web") == ["aaaa2", "aaaa1"]
    assert await ids("compose:p/s/1") == ["bbbb1"]
    assert sorted(await ids("aaaa")) == ["aaaa1", "aaaa2"]
    assert await ids(ODD) == ["cccc1"]
    assert sorted(await ids("aaaa1", None)) == ["aaaa1", "aaaa1"]
    for ref in ("aaa", "", "%", "web\0"):
        assert await ids(ref) == []


async def test_events_are_the_containers_own(database: Database, queries: PastQueries) -> None:
    mine = [samples.event(number) for number in range(5)]
    other = [samples.event(9, actor="c2"), samples.event(9, host="other")]
    network = msgspec.structs.replace(samples.event(9), type="network")
    await write(database, *mine, *other, network)
    assert await queries.events("h", ["c1"], START, END, 3) == mine[:1:-1]


async def test_runs_and_time_that_nobody_watched(database: Database, queries: PastQueries) -> None:
    def event(minute: int, action: str, code: int | None = None) -> Row:
        made = samples.event(minute * 60, action=action)
        return msgspec.structs.replace(made, exit_code=code)

    watched = [
        msgspec.structs.replace(
            samples.health(second), status="down" if 1800 <= second < 2400 else "up"
        )
        for second in range(0, 3600, 30)
        if not 3000 <= second < 3300
    ]
    await write(
        database,
        container("c1", -60, state="running", started=START + timedelta(minutes=20)),
        *watched,
        event(-30, "start"),
        event(-29, "health_status: unhealthy"),
        event(1, "health_status: healthy"),
        event(10, "kill"),
        event(10, "die", 137),
        event(20, "start"),
    )
    found = await queries.uptime("h", ["c1"], START, END)
    assert [(run.exit_code, run.ended, run.seconds) for run in found.runs] == [
        (None, False, 2400.0),
        (137, True, 2400.0),
    ]
    assert (found.up_seconds, found.down_seconds, found.unknown_seconds) == (3000.0, 600.0, 0.0)
    assert (found.restarts, found.last_exit_codes, found.state) == (1, (137,), "running")
    assert (found.health, found.unhealthy_seconds) == ("healthy", 60.0)
    nobody = await queries.uptime("h", ["none"], START, END)
    assert (nobody.runs, nobody.up_percent, nobody.state) == ((), None, "unknown")


async def test_a_time_without_word_of_the_host_is_unknown(
    database: Database, queries: PastQueries
) -> None:
    await write(
        database,
        container("c1", -60, state="exited"),
        *(samples.health(second) for second in range(600, 1230, 30)),
        *(samples.health(second) for second in range(1800, 3600, 30)),
    )
    found = await queries.uptime("h", ["c1"], START, END)
    assert (found.up_seconds, found.unknown_seconds) == (0.0, 600.0 + 600.0)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    later = await queries.uptime("h", ["c1"], tomorrow, tomorrow + timedelta(days=1))
    assert (later.up_seconds, later.unknown_seconds, later.up_percent) == (0.0, 0.0, None)


async def test_what_a_tag_meant_and_who_used_it(database: Database, queries: PastQueries) -> None:
    def version(minute: int, image: str, reference: str = "app:1", host: str = "h") -> Row:
        return ImageVersionRow(
            time=START + timedelta(minutes=minute),
            host=host,
            reference=reference,
            image_id=f"sha256:{image * 64}",
            digest=None,
            size=1,
            created=None,
        )

    await write(
        database,
        *(version(0, "a"), version(5, "b"), version(9, "c")),
        *(version(1, "b", "app:latest"), version(2, "b", host="other"), version(3, "d", ODD)),
        container("c1", 1, image_id=f"sha256:{'a' * 64}", image="app:1", removed=END),
        container("c2", 6, image_id=f"sha256:{'b' * 64}", image="app:1"),
        container("c3", 7, image_id=f"sha256:{'d' * 64}", image=ODD),
    )
    tag = await queries.image("h", "app:1")
    assert [(one.image_id[-1], one.until) for one in tag.versions] == [
        ("c", None),
        ("b", START + timedelta(minutes=9)),
        ("a", START + timedelta(minutes=5)),
    ]
    assert [(use.container_id, use.last) for use in tag.uses] == [("c2", None), ("c1", END)]
    for ref in ("bbbb", f"sha256:{'b' * 64}"):
        image = await queries.image(None, ref)
        assert [(one.host, one.reference, one.until is None) for one in image.versions] == [
            ("h", "app:1", False),
            ("other", "app:1", True),
            ("h", "app:latest", True),
        ]
        assert [use.container_id for use in image.uses] == ["c2"]
    assert [one.image_id[-1] for one in (await queries.image("h", ODD)).versions] == ["d"]
    assert (await queries.image(None, "none:1")).versions == []
