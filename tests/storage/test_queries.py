"""Reading back what was written."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from config.models import Storage
from storage import queries
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.errors import QueryLimitError
from storage.rows import EventRow, Row
from storage.statements import parse, statements
from tests.storage import samples
from tests.storage.samples import START


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def _write(database: Database, *rows: Row) -> None:
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))


async def test_events_come_newest_first_filtered_and_paged(database: Database) -> None:
    events = [samples.event(number) for number in range(20)]
    other = samples.event(30, host="other", action="die", actor="d9e8f7")
    await _write(database, *events, other)
    assert await queries.recent_events(database) == [other, *reversed(events)]
    page = await queries.recent_events(database, hosts=["h"], limit=5)
    assert page == events[:14:-1]
    following = await queries.recent_events(
        database, hosts=["h"], limit=5, before=page[-1].time_nano
    )
    assert following == events[14:9:-1]
    since = events[12].time
    bounded = await queries.recent_events(
        database, hosts=["h"], before=page[-1].time_nano, since=since
    )
    assert bounded == events[14:11:-1]
    for wanted in ({"containers": ["d9e8"]}, {"actions": ["die", "x"]}, {"hosts": ["other", "x"]}):
        assert await queries.recent_events(database, **wanted) == [other]  # type: ignore[arg-type] # three keywords
    of_web = await queries.recent_events(
        database,
        containers=["h/web", "other/web", "web2"],
        types=["image", "container"],
        actions=["start", "die"],
    )
    assert len(of_web) == 21
    assert await queries.recent_events(database, types=["image"]) == []
    assert await queries.recent_events(database, hosts=[]) == []
    for nobody in ("%", "d9e", "web\0"):  # of an id at least four characters
        assert await queries.recent_events(database, containers=[nobody]) == []


async def test_events_have_their_attributes_and_the_labels_of_their_host(
    database: Database,
) -> None:
    host = msgspec.structs.replace(samples.host("h"), labels={"site": "fra", "tier": "gold"})
    plain, labelled = samples.event(1), samples.event(2)
    labelled = msgspec.structs.replace(labelled, attributes={"team": "shop", "site": "ber"})
    elsewhere = samples.event(3, host="unknown")
    await _write(database, host, plain, labelled, elsewhere)
    cases: list[tuple[tuple[tuple[str, str | None], ...], list[EventRow]]] = [
        ((("site", "fra"),), [plain]),
        ((("site", None), ("tier", "gold")), [labelled, plain]),
        ((("site", "ber"), ("team", None)), [labelled]),
        ((("tier", "nix"),), []),
    ]
    for labels, found in cases:
        assert await queries.recent_events(database, labels=labels) == found, labels


async def test_a_network_tells_of_the_container_it_concerns(database: Database) -> None:
    joined = msgspec.structs.replace(
        samples.event(1, actor="feed1234"),
        type="network",
        name="web",
        attributes={"container": "d9e8f7"},
    )
    await _write(database, joined)
    assert await queries.recent_events(database, containers=["d9e8"]) == [joined]
    for other in ("web", "feed1234"):
        assert await queries.recent_events(database, containers=[other]) == []


async def test_health_is_told_in_order(database: Database) -> None:
    rows = [samples.health(number) for number in range(5)]
    await _write(database, *reversed(rows))
    end = START + timedelta(seconds=3)
    assert await queries.health_history(database, "h", START, end) == rows[:3]


async def test_health_is_thinned_but_not_its_changes(database: Database) -> None:
    rows = [samples.health(number) for number in range(20)]
    rows[7] = msgspec.structs.replace(rows[7], status="down")
    await _write(database, *rows)
    end = START + timedelta(seconds=20)
    thinned = await queries.health_history(database, "h", START, end, 4)
    assert [(row.time - START).seconds for row in thinned] == [7, 8, 10, 15]
    assert [row.status for row in thinned] == ["down", "up", "up", "up"]
    with pytest.raises(QueryLimitError, match="30 days"):
        await queries.health_history(database, "h", START, START + timedelta(days=31))


async def test_a_restart_knows_where_to_go_on(database: Database) -> None:
    await _write(database, samples.host("h"), samples.host("b"), samples.host("quiet"))
    newest = [samples.event(9), samples.event(4, host="b")]
    await _write(database, samples.event(1), *newest)
    expected = {row.host: row.time_nano for row in newest}
    assert await queries.last_event_nanos(database) == expected


async def test_removed_containers_are_not_known(database: Database) -> None:
    here = samples.container("c1")
    gone = samples.container("c2", removed=START)
    elsewhere = msgspec.structs.replace(here, host="other")
    await _write(database, here, gone, elsewhere)
    assert await queries.containers_known(database, "h") == [here]


def test_queries_are_found_by_name_and_without_comments() -> None:
    assert parse("-- x\n-- name: a\n-- about\nSELECT 1\n\n-- name: b\nSELECT\n2\n") == {
        "a": b"SELECT 1",
        "b": b"SELECT\n2",
    }
    begins = (b"SELECT", b"WITH", b"INSERT", b"UPDATE", b"DELETE", b"LOCK")
    assert all(sql.startswith(begins) for sql in statements().values())


async def test_the_counters_of_the_newest_sample_are_told(database: Database) -> None:
    started = START - timedelta(hours=1)
    newest = msgspec.structs.replace(samples.stats(7), started=started)
    await _write(
        database,
        *(samples.container(name) for name in ("c1", "c2", "c3")),
        samples.container("gone", removed=START),
        samples.stats(1),
        newest,
        samples.stats(2),
        samples.stats(-1, container="c2"),
        samples.stats(3, container="gone"),
        samples.stats(3, container="c3", host="other"),
    )
    (found,) = await queries.latest_counters(database, ["h", "i"], START)
    assert (found.host, found.id, found.time) == ("h", "c1", newest.time)
    assert (found.started, found.cpu_total, found.network_rx) == (started, 7, 7)
    assert (found.network_tx, found.block_read, found.block_write) == (None, 0, 0)
    assert len(await queries.latest_counters(database, ["h"], START - timedelta(days=1))) == 2
    assert await queries.latest_counters(database, [], START) == []
