"""Both clients against a served application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
import trio

from fleet.client import (
    AmbiguousError,
    AnswerTooLargeError,
    AsyncFleetClient,
    ContainersSnapshot,
    FleetClient,
    ForeignAnswerError,
    NotFoundError,
    UnavailableError,
    UnreachableError,
    WrongQuestionError,
)
from fleet.client.asks_live import get
from fleet.client.blocking import Connection
from fleet.client.settings import Settings
from tests.lab.ports import free_port
from tests.web.fleet_in_memory import FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory
from tests.web.logs_in_memory import make_line
from tests.web.reading import RUN, until
from web.app import Application, create_app
from web.documents import ContainerDocument, EventDocument, GapDocument, HostDocument
from web.live.documents import RemovedDocument
from web.parts import Admitting, Serving, Shown
from web.server import serve

T = TypeVar("T")

DEADLINE = 60.0
SPAN = timedelta(hours=2)


async def in_thread(work: Callable[[], T]) -> T:
    with trio.fail_after(DEADLINE):
        return await trio.to_thread.run_sync(work)


def client(address: str, token: str = "") -> FleetClient:
    return FleetClient(f"http://{address}/", token=token)


async def test_documents_are_read_and_problems_raised(
    address: str, history: HistoryInMemory
) -> None:
    history.lines = [make_line(number) for number in range(5)]

    def work() -> None:
        with client(address) as fleet:
            assert fleet.fleet().version == "1.2.3"
            assert [host.name for host in fleet.hosts(status=["up"]).hosts] == ["one"]
            assert fleet.container("web", "one").labels["site"] == "fra"
            found = fleet.containers(id=["one/web", "nix"])
            assert ([one.name for one in found.containers], found.missing) == (["web"], ("nix",))
            assert fleet.ready().ready
            assert b"fleet_" in fleet.metrics()
            with pytest.raises(UnavailableError) as early:
                fleet.proxy_document("traefik", options={"version": "3"})
            assert early.value.kind == "routes-incomplete"
            begin = datetime(2025, 1, 1, tzinfo=UTC)
            lines = fleet.each_logs(host=["one"], start=begin, limit=2, direction="forward")
            assert [line.line for line in lines] == [f"line {number}" for number in range(5)]
            assert fleet.logs(last=SPAN).lines
            with pytest.raises(NotFoundError, match="nix") as missing:
                fleet.host("nix")
            assert (missing.value.kind, missing.value.status) == ("unknown-host", 404)
            assert missing.value.request_id
            with pytest.raises(AmbiguousError) as several:
                fleet.container("web")
            assert {each.host for each in several.value.problem.candidates} == {"one", "two"}
            with pytest.raises(WrongQuestionError, match="sort"):
                fleet.hosts(sort="nix")
            with pytest.raises(ValueError, match="no zone"):
                fleet.logs(start=datetime(2026, 1, 1))

    await in_thread(work)


async def test_pages_are_gone_through_though_containers_come_and_go(
    address: str, fleet: FleetInMemory
) -> None:
    for number in range(10):
        fleet.add_container("one", f"c{number}")

    def work() -> list[str]:
        with client(address) as asking:
            found = asking.each_containers(host=["one"], name="c*", limit=3)
            names = [next(found).name]
            del fleet.known_containers[0]
            return names + [container.name for container in found]

    assert await in_thread(work) == [f"c{number}" for number in range(10)]
    async with AsyncFleetClient(f"http://{address}") as asking:
        assert [one.name async for one in asking.each_containers(name="c*", limit=4)][-1] == "c9"
        async for one in asking.each_containers(limit=1):
            assert one.host == "one"
            break


async def test_what_is_unchanged_is_not_sent_again(address: str, fleet: FleetInMemory) -> None:
    def work() -> None:
        with client(address) as asking:
            first = asking.containers()
            assert asking.containers() is first
            assert asking.containers(limit=2) is not first
            fleet.add_container("one", "new")
            assert len(asking.containers().containers) == len(first.containers) + 1

    await in_thread(work)
    async with AsyncFleetClient(f"http://{address}") as asking:
        assert await asking.containers() is await asking.containers()


async def test_a_token_is_sent_and_a_wrong_one_told(nursery: trio.Nursery) -> None:
    app = create_app(Shown(FleetInMemory()), Admitting(token="right"))
    address: str = await nursery.start(
        lambda task_status: serve(app, "127.0.0.1:0", task_status=task_status)
    )

    def work() -> tuple[str, str]:
        with client(address, "right") as asking, client(address) as stranger:
            with pytest.raises(Exception, match="token") as refused:
                stranger.fleet()
            return asking.fleet().version, type(refused.value).__name__

    assert await in_thread(work) == ("1.2.3", "NotAllowedError")


async def test_what_does_not_answer_is_told(address: str) -> None:
    nobody = f"127.0.0.1:{free_port()}"

    def work() -> None:
        with client(nobody) as asking, pytest.raises(UnreachableError) as nothing:
            asking.fleet()
        assert nothing.value.stage == "connect"
        with client(address) as asking:
            with pytest.raises(ForeignAnswerError):
                asking.send(get(HostDocument, "/health"))
            small = Connection(Settings(url=f"http://{address}", most=100))
            with pytest.raises(AnswerTooLargeError):
                small.send(get(bytes, "/api/containers"))
            small.close()
        for wrong in ("127.0.0.1:80", "ftp://x", "http://", "http://x:99999"):
            with pytest.raises(ValueError, match="no URL"):
                FleetClient(wrong)

    await in_thread(work)
    async with AsyncFleetClient(f"http://{nobody}") as asking:
        with pytest.raises(UnreachableError):
            await asking.fleet()
    async with AsyncFleetClient(f"http://{address}") as asking:
        with pytest.raises(NotFoundError):
            await asking.host("nix")


async def test_streams_tell_what_happens(
    address: str, fleet: FleetInMemory, live: LiveInMemory
) -> None:
    live.container("a")

    def work() -> str:
        with client(address) as asking:
            with asking.follow_containers() as changes:
                snapshot = next(changes)
                assert isinstance(snapshot, ContainersSnapshot)
                assert [one.name for one in snapshot.containers] == ["a"]
                trio.from_thread.run_sync(live.remove, "a")
                trio.from_thread.run_sync(live.container, "b")
                told = [next(changes), next(changes)]
                assert isinstance(told[0], RemovedDocument)
                assert isinstance(told[1], ContainerDocument)
            for _ in range(3):
                trio.from_thread.run_sync(fleet.emit)
            with asking.follow_events(host=["one"], last_id="1") as events:
                first = next(events)
                assert isinstance(first, EventDocument)
                assert (first.number, events.last_id) == (2, f"2-{RUN}")
                return events.last_id

    last_id = await in_thread(work)
    async with (
        AsyncFleetClient(f"http://{address}") as asking,
        asking.follow_events(last_id=last_id) as events,
    ):
        with trio.fail_after(DEADLINE):
            found = await anext(events)
            assert isinstance(found, EventDocument)
            assert found.number == 3
            with trio.move_on_after(0):
                await anext(events)
            fleet.emit()
            assert isinstance(four := await anext(events), EventDocument)
            assert four.number == 4
    await until(lambda: not fleet.subscribers)


async def test_a_stream_goes_on_after_the_server_was_restarted(nursery: trio.Nursery) -> None:
    fleet = FleetInMemory()
    fleet.add_host("one")
    listen = f"127.0.0.1:{free_port()}"
    taken: list[int] = []
    gaps: list[GapDocument] = []

    def follow() -> None:
        with client(listen) as asking, asking.follow_events() as events:
            for event in events:
                if isinstance(event, GapDocument):
                    gaps.append(event)
                else:
                    taken.append(event.number)
                if len(taken) == 4:
                    return

    async with trio.open_nursery() as first:
        await first.start(_serve, create_app(Shown(fleet), serving=Serving(heartbeat=0.05)), listen)
        nursery.start_soon(trio.to_thread.run_sync, follow)
        await until(lambda: bool(fleet.subscribers))
        fleet.emit()
        fleet.emit()
        await until(lambda: len(taken) == 2)
        first.cancel_scope.cancel()
    fleet.emit()  # while nobody answers
    await nursery.start(_serve, create_app(Shown(fleet), serving=Serving(heartbeat=0.05)), listen)
    await until(lambda: bool(fleet.subscribers))
    fleet.emit()
    await until(lambda: len(taken) == 4)
    assert (taken, gaps) == ([1, 2, 3, 4], [])


async def _serve(app: Application, listen: str, task_status: trio.TaskStatus[str]) -> None:
    await serve(app, listen, task_status=task_status)


async def test_a_stream_that_is_refused_at_once_says_so(address: str) -> None:
    def work() -> None:
        with client(address) as asking:
            streams = [asking.follow_hosts() for _ in range(3)]
            for stream in streams[:2]:
                next(stream)
            with pytest.raises(UnavailableError) as full:
                next(streams[2])
            assert (full.value.kind, full.value.retry_after) == ("too-many-streams", 5.0)
            for stream in streams:
                stream.close()

    await in_thread(work)


async def test_it_runs_on_asyncio(address: str, fleet: FleetInMemory) -> None:
    fleet.emit()

    async def work() -> tuple[list[str], int]:
        async with AsyncFleetClient(f"http://{address}") as asking:
            names = [one.name async for one in asking.each_containers(limit=2)]
            async with asking.follow_events(last_id="0") as events:
                async for event in events:
                    assert isinstance(event, EventDocument)
                    return names, event.number
        raise AssertionError("the stream ended")

    names, number = await in_thread(lambda: asyncio.run(work()))
    assert (names, number) == (["stats", "web", "web"], 1)
