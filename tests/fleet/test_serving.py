"""The pieces of `fleet serve`: counts of all workers, lines of stored logs, addresses."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from msgspec import structs

from config.models import Access, Config, Fleet, Retention, Storage
from fleet.access.opening import configured
from fleet.mirror.kinds import encode
from fleet.mirror.replica import Replica, decoded
from fleet.mirror.routing import MirroredRoutes
from fleet.reload import RunningConfig
from fleet.serving.board import Board
from fleet.serving.logs import EVERY, StoredLines, StoredLogs
from fleet.serving.main import _reserved
from fleet.serving.worker import retention_of
from storage.live import Key
from storage.queries_logs import LogPlace
from tests.web.history_in_memory import HistoryInMemory
from web.exposition.text import Family
from web.history import HistoryRefused, HistoryUnavailable, LogFilter, Span
from web.history_documents import Direction, LogLineDocument, LogsDocument
from web.listening import ListenError

PATIENCE = 30.0
QUERY_DAYS = timedelta(days=1)  # the least that can be configured


def _families(count: int) -> list[Family]:
    requests = Family("fleet_http_requests", "counter", "Requests.")
    requests.add(count, route="/a {b} c").add(count)
    return [requests, Family("fleet_http_streams", "gauge", "Streams.").add(count)]


def test_the_counts_of_all_workers_are_put_together(tmp_path: Path) -> None:
    one, two = Board(tmp_path), Board(tmp_path)
    assert (one.number, two.number) == (1, 2)
    two.write(_families(7))
    requests, streams = one.together(_families(3))
    assert requests.lines == [
        'fleet_http_requests_total{worker="1",route="/a {b} c"} 3\n',
        'fleet_http_requests_total{worker="1"} 3\n',
        'fleet_http_requests_total{worker="2",route="/a {b} c"} 7\n',
        'fleet_http_requests_total{worker="2"} 7\n',
    ]
    assert streams.lines == [
        'fleet_http_streams{worker="1"} 3\n',
        'fleet_http_streams{worker="2"} 7\n',
    ]
    one.write(_families(3))
    assert [family.lines for family in two.together([])] == [requests.lines[:2], streams.lines[:1]]


class Lines(HistoryInMemory):
    """Stored lines as the database gives them: by time, a page at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: list[LogLineDocument] = []
        self.is_away = False

    def add(self, number: int, time: datetime) -> None:
        """Store a line."""
        self.stored.append(
            LogLineDocument(
                time=time,
                time_nano=int(time.timestamp() * 1e6) * 1000,
                host="a",
                container_id="c",
                name="web",
                identity="name:web",
                stream="stdout",
                sequence=0,
                level="info",
                line=str(number),
            )
        )

    async def logs(
        self,
        wanted: LogFilter,
        span: Span,
        limit: int,
        direction: Direction,
        beyond: LogPlace | None,
    ) -> LogsDocument:
        if self.is_away:
            raise HistoryUnavailable("It is away.")
        if span.end - span.start > QUERY_DAYS:
            raise HistoryRefused("The range is longer than query_days.")
        assert wanted == LogFilter(hosts=("a",), containers=("c",))
        assert direction == "forward"
        found = sorted(self.stored, key=lambda line: line.time)
        found = [line for line in found if span.start <= line.time < span.end]
        if beyond is not None:
            found = [line for line in found if line.time > beyond.time]
        newer = "more" if len(found) > limit else None
        return LogsDocument(
            start=span.start, end=span.end, lines=tuple(found[:limit]), older=None, newer=newer
        )


async def next_lines(lines: StoredLines) -> list[str]:
    await lines.arrived()
    return [line.line for line in lines.take()]


def test_lines_come_as_they_are_stored_each_once_also_late_ones_and_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet.serving.logs.EVERY", EVERY / 100)

    async def work() -> None:
        history = Lines()
        begin = datetime.now(UTC)
        history.add(-1, begin - timedelta(seconds=1))
        with StoredLogs(history).subscribe([("a", "c")]) as lines:
            later = datetime.now(UTC)
            for number in range(2500):
                history.add(number, later + timedelta(microseconds=number))
            async with asyncio.timeout(PATIENCE):
                told: list[str] = []
                while len(told) < 2500:
                    told += await next_lines(lines)
                assert told == [str(number) for number in range(2500)]
                history.is_away = True
                waiting = asyncio.create_task(next_lines(lines))
                await asyncio.sleep(0)
                history.add(3000, later + timedelta(seconds=2))
                history.add(2999, later + timedelta(seconds=1))  # it comes after its time
                history.is_away = False
                assert await waiting == ["2999", "3000"]

    asyncio.run(work())


def test_a_container_that_was_silent_for_long_is_followed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet.serving.logs.EVERY", EVERY / 100)

    async def work() -> None:
        history, now = Lines(), datetime.now(UTC)
        history.add(1, now)
        lines = StoredLines(history, [("a", "c")], now - timedelta(days=40))
        async with asyncio.timeout(PATIENCE):
            assert await next_lines(lines) == ["1"]

    asyncio.run(work())


def test_a_port_is_held_for_all_workers_and_for_nobody_else() -> None:
    with _reserved("127.0.0.1:0") as (address, options):
        assert address == f"127.0.0.1:{options['port']}"
        assert options["port"] > 0
        with (
            socket.socket() as worker,
            socket.socket() as other,
        ):
            worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            worker.bind(("127.0.0.1", options["port"]))
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", options["port"]))
        with pytest.raises(ListenError, match="another program"), _reserved(address):
            pass


def test_the_socket_of_a_killed_one_is_taken_over_and_that_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "api.sock"
    listen = f"unix:{path}"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(ListenError, match="another program"), _reserved(listen):
            pass
    with _reserved(listen) as (address, options):
        assert (address, options["uds"]) == (listen, path)
        assert not path.exists()
    path.write_text("")
    with pytest.raises(ListenError, match="a file"), _reserved(listen):
        pass
    with pytest.raises(ListenError, match="no folder"), _reserved("unix:/no/such/folder/sock"):
        pass


@pytest.mark.parametrize(
    ("listen", "anonymous", "reads"),
    [
        ("127.0.0.1:8080", None, True),
        ("[::1]:8080", None, True),
        ("0.0.0.0:8080", None, False),
        ("unix:/run/fleet/api.sock", None, False),
        ("unix:/run/fleet/api.sock", "viewer", True),
        ("127.0.0.1:8080", "none", False),
    ],
)
def test_who_may_read_without_a_token_depends_on_where_it_is_served(
    listen: str, anonymous: Literal["viewer", "none"] | None, reads: bool
) -> None:
    access = Access(anonymous=anonymous)
    fleet = Fleet(data_dir=Path("/var/lib/fleet"))
    config = Config(fleet=fleet, storage=Storage(), hosts={}, access=access)
    assert (configured(config, {}, listen).anonymous() is not None) == reads


def test_rows_are_kept_as_long_as_who_watches_says(tmp_path: Path) -> None:
    ours = Config(fleet=Fleet(data_dir=tmp_path), storage=Storage(), hosts={})
    theirs = structs.replace(ours, storage=Storage(retention=Retention(samples=3, audit=9)))
    replica = Replica(MirroredRoutes())
    assert retention_of(ours, replica) == Retention()
    key = Key("effective", "", "")
    told = encode(key, RunningConfig(theirs).whole())
    replica.take(decoded([told]), whole=False)
    assert retention_of(ours, replica) == Retention(samples=3, audit=9)
