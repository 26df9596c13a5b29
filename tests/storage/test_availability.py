"""How much of a time a host was up, and what its outages came from."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec
import pytest

from config.models import Storage
from storage.availability import Availability, HealthSpan, availability
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.errors import QueryLimitError
from storage.queries_health import host_availability
from storage.records import Interval
from storage.rows import HealthRow
from tests.storage import samples
from tests.storage.samples import START

HOUR = timedelta(hours=1)


def observed(second: float, status: str = "up", **changes: object) -> HealthRow:
    row = samples.health(0)
    time = START + timedelta(seconds=second)
    return msgspec.structs.replace(row, **{"time": time, "status": status, **changes})


def every_30_s(start: int, end: int, status: str = "up", **changes: object) -> list[HealthRow]:
    return [observed(second, status, **changes) for second in range(start, end, 30)]


@pytest.fixture
async def database(fresh_conninfo: str) -> Database:
    made = Database(fresh_conninfo, None, Storage())
    await made.prepare()
    return made


async def found(database: Database, rows: Iterable[HealthRow], span: timedelta) -> Availability:
    await database.write(lambda connection: write_batch(connection, batch_of(list(rows))))
    try:
        return await host_availability(database, Storage(), "h", START, START + span)
    finally:
        database.close()


async def test_time_that_nobody_watched_is_neither_up_nor_down(database: Database) -> None:
    cut: dict[str, object] = {"error": "the <b>cable</b> is cut", "error_kind": "unreachable"}
    cut |= dict.fromkeys(("engine_version", "response_seconds"))
    refused = {**cut, "error": "wrong key", "error_kind": "host_key"}
    mine = [
        *every_30_s(-60, 600),  # 10 min up, from before the start on
        observed(605, "down", attempts=1, **cut),
        *every_30_s(630, 1200, "down", attempts=7, **cut),
        *every_30_s(1200, 1500, "down", attempts=8, **refused),
        observed(1505, attempts=9, engine_version="29.0", response_seconds=0.03),
        *every_30_s(1530, 1800, engine_version="29.0", unhealthy=1, response_seconds=None),
        # and then silence for ten minutes: of the last observation nobody knows how long it held
        observed(2400, "connecting", engine_version=None, response_seconds=None),
        observed(2410, engine_version="29.0", response_seconds=None),
        *every_30_s(2430, 2700, engine_version="29.0", response_seconds=None),
        observed(2700, "disabled", engine_version="29.0", response_seconds=None),
    ]
    other = [msgspec.structs.replace(row, host="other", status="down") for row in mine]
    figures = await found(database, [*mine, *other], HOUR)
    assert [(span.state, (span.end - span.start).total_seconds()) for span in figures.spans] == [
        ("up", 605),
        ("down", 595),
        ("down", 305),
        ("up", 25),
        ("degraded", 240),
        ("unknown", 630),
        ("connecting", 10),
        ("up", 290),
        ("unknown", 900),
    ]
    assert (figures.up_seconds, figures.degraded_seconds, figures.down_seconds) == (920, 240, 900)
    assert (figures.connecting_seconds, figures.unknown_seconds) == (10, 1530)
    assert figures.up_percent == pytest.approx(100 * 1160 / 2060)
    assert figures.response_seconds == pytest.approx((20 * 0.01 + 0.03) / 21)
    (outage,) = figures.outages
    assert (outage.kind, outage.message) == ("unreachable", "the <b>cable</b> is cut")
    assert (outage.seconds, outage.attempts) == (900, 9)
    assert (outage.start_seen, outage.end_seen) == (True, True)
    (change,) = figures.engine_changes
    assert (change.before, change.after) == ("28.5", "29.0")
    assert change.time == START + timedelta(seconds=1505)
    assert not figures.truncated


async def test_of_a_host_never_watched_nothing_is_known(database: Database) -> None:
    figures = await found(database, [], HOUR)
    assert (figures.up_percent, figures.longest_outage_seconds) == (None, None)
    assert figures.unknown_seconds == 3600
    assert figures.outages == ()
    with pytest.raises(QueryLimitError, match="30 days"):
        await host_availability(database, Storage(), "h", START, START + timedelta(days=31))


def span(start: int, end: int, state: str, **more: object) -> HealthSpan:
    made = HealthSpan(
        start=START + timedelta(seconds=start), end=START + timedelta(seconds=end), state=state
    )
    return msgspec.structs.replace(made, **more)


def over(*spans: HealthSpan, end: int = 100) -> Availability:
    whole = Interval(start=START, end=START + timedelta(seconds=end))
    return availability(spans, whole)


def test_an_outage_goes_on_until_the_host_was_seen_otherwise() -> None:
    figures = over(span(0, 40, "up"), span(40, 90, "down", attempts=3), span(90, 100, "connecting"))
    (outage,) = figures.outages
    assert (outage.end, outage.seconds, outage.attempts) == (None, 60, 3)
    assert figures.longest_outage_seconds == 60


def test_an_outage_that_nobody_saw_begin_or_end_says_so() -> None:
    figures = over(
        span(0, 10, "down"),  # before this nobody asked
        span(10, 20, "up"),
        span(30, 40, "down"),  # between these nobody watched
        span(40, 50, "unknown"),
        span(50, 60, "connecting"),
        span(60, 100, "up", attempts_before=2),
    )
    newer, older = figures.outages
    assert (older.start_seen, older.end_seen, older.seconds) == (False, True, 10)
    assert (newer.start_seen, newer.end_seen, newer.attempts) == (False, False, None)
    assert (newer.end, figures.unknown_seconds) == (START + timedelta(seconds=40), 20)


def test_connecting_anew_does_not_end_an_outage() -> None:
    figures = over(
        span(0, 50, "up"),
        span(50, 60, "down", attempts=4),
        span(60, 65, "connecting"),
        span(65, 80, "down", attempts=2),
        span(80, 100, "up", attempts_before=5),
    )
    (outage,) = figures.outages
    assert (outage.seconds, outage.attempts, figures.down_seconds) == (30, 5, 25)
