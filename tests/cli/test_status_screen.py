"""What `fleet status` says of the storage and of the routes."""

from datetime import UTC, datetime, timedelta

from fleet.cli.status_screen import lines
from fleet.cli.summary import Summary, summarise
from fleet.cli.view import View
from fleet.verdict import verdict
from tests.fleet.values import NOON
from web.documents import (
    CertificateDocument,
    ConfigDocument,
    FleetDocument,
    RouteCountsDocument,
    SpoolDocument,
    StorageDocument,
)

WRITING = StorageDocument(state="writing")


def _shown(storage: StorageDocument, routes: RouteCountsDocument | None = None) -> str:
    config = ConfigDocument(source=None, loaded=NOON)
    word, reasons = verdict([], config, storage, routes)
    fleet = FleetDocument(
        version="1",
        started=NOON,
        verdict=word,
        reasons=reasons,
        config=config,
        storage=storage,
        routes=routes,
    )
    summary = Summary(
        source="fleet",
        where="here",
        verdict=word,
        reasons=reasons,
        warnings=(),
        hosts=[],
        fleet=fleet,
    )
    return "\n".join(cell.text for cell in lines(summary))


def _spool(rows: int) -> SpoolDocument:
    oldest = datetime.now(UTC) - timedelta(minutes=5, seconds=1)
    return SpoolDocument(rows=rows, bytes=3 * 2**20, oldest=oldest, replayed_per_second=120.4)


def test_a_database_that_is_away_with_what_lies_on_disk() -> None:
    shown = _shown(
        StorageDocument(state="spooling", error="connection refused", spool=_spool(1234))
    )
    assert "storage: spooling: database away, connection refused" in shown
    assert "on disk: 1234 rows, 3" in shown
    assert "the oldest 5m" in shown
    assert shown.endswith("degraded: the database is away, 1234 rows are on disk for it")


def test_what_is_replayed_tells_its_pace() -> None:
    shown = _shown(StorageDocument(state="replaying", kind="PostgreSQL 18", spool=_spool(7)))
    assert "storage: replaying to PostgreSQL 18" in shown
    assert "120 rows/s" in shown
    assert shown.endswith("\nok")


def test_neither_database_nor_disk() -> None:
    shown = _shown(StorageDocument(state="waiting", error="No space left", queued=9))
    assert "storage: waiting: No space left" in shown
    assert "in memory: 9 rows" in shown


def test_losses_and_damage_stay_to_be_seen() -> None:
    storage = StorageDocument(
        state="writing",
        dropped={"container_stats": 5},
        spool=SpoolDocument(damaged_bytes=2048, damaged_rows=3),
    )
    shown = _shown(storage)
    assert "dropped since the start: 5 rows" in shown
    assert "damaged on disk: 2KiB with at least 3 rows; copies" in shown
    assert shown.endswith("\nok")


def test_damage_that_held_no_row_names_none() -> None:
    shown = _shown(StorageDocument(state="writing", spool=SpoolDocument(damaged_bytes=48)))
    assert "damaged on disk: 48B; copies" in shown


def test_routes_in_one_line_where_there_are_any() -> None:
    assert "routes" not in _shown(WRITING, RouteCountsDocument(complete=True))
    well = RouteCountsDocument(total=14, up=14, complete=True)
    assert "\nroutes: 14 of 14 up\n" in _shown(WRITING, well)
    sick = RouteCountsDocument(
        total=14, up=12, degraded=1, down=1, errors=2, conflicts=1, complete=True
    )
    line = "routes: 12 of 14 up, 1 degraded, 1 down; 2 errors, 1 conflict"
    assert line in _shown(WRITING, sick).splitlines()


def test_a_certificate_that_ends_and_an_old_answer_are_in_the_verdict() -> None:
    soon = CertificateDocument(file="c.pem", loaded=NOON, expires=datetime.now(UTC))
    old = "all of this is as of 12:00: nothing is heard of the supervisor"
    document = FleetDocument(
        version="1",
        started=NOON,
        verdict="degraded",
        reasons=(old, "of hosts that were not asked for"),
        config=ConfigDocument(source=None, loaded=NOON),
        storage=WRITING,
        certificate=soon,
        stale_since=NOON,
    )
    found = summarise(View(origin="fleet", where="here", hosts=[], containers=[], fleet=document))
    assert found.verdict == "degraded"
    assert found.reasons[0] == old
    assert "certificate of the API expired" in found.reasons[1]
    assert len(found.reasons) == 2
