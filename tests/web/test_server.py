from __future__ import annotations

import signal
from contextlib import suppress

import h11
import httpx
import pytest
import trio
from litestar.types import Receive, Scope, Send

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.raw import connect, exchange
from tests.web.reading import EndOfStreamError, follow, until
from web.app import Application, create_app
from web.listening import ListenError, bind, parse_listen
from web.parts import Shown
from web.server import Limits, serve

_ASKED = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Served:
    """A server with a scope of its own to stop it by."""

    def __init__(
        self, fleet: FleetInMemory, limits: Limits, history: HistoryInMemory | None = None
    ) -> None:
        self.app = create_app(Shown(fleet, history))
        self.limits = limits
        self.scope = trio.CancelScope()
        self.ended = trio.Event()

    async def run(self, task_status: trio.TaskStatus[str]) -> None:
        with self.scope:
            await serve(self.app, "127.0.0.1:0", limits=self.limits, task_status=task_status)
        self.ended.set()

    async def stop(self, within: float) -> float:
        """Cancel it and return how long its end took."""
        began = trio.current_time()
        self.scope.cancel()
        with trio.fail_after(within):
            await self.ended.wait()
        return trio.current_time() - began


async def test_the_address_is_known_when_it_is_ready(address: str) -> None:
    assert not address.endswith(":0")
    assert b" 200" in await exchange(address, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")


async def test_a_taken_port_is_told_before_anything_starts(address: str) -> None:
    with pytest.raises(ListenError, match=r"another program has that port.*`listen` under"):
        await serve(create_app(Shown(FleetInMemory())), address)


async def test_an_address_bound_early_is_served_later(nursery: trio.Nursery) -> None:
    bound = await bind("127.0.0.1:0")
    with pytest.raises(ListenError):
        await bind(bound.address)
    address: str = await nursery.start(serve, create_app(Shown(FleetInMemory())), bound)
    assert address == bound.address
    assert b" 200" in await exchange(address, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("192.0.2.1:8080", "does not have that address"),
        ("no-such-name.invalid:80", "has no address"),
        ("8080", "HOST:PORT"),
        ("::1:80", "HOST:PORT"),
        ("127.0.0.1:99999", "up to 65535"),
        (":80", "HOST:PORT"),
    ],
)
async def test_an_address_that_cannot_be_is_explained(listen: str, words: str) -> None:
    with pytest.raises(ListenError, match=words):
        await bind(listen)


def test_listen_addresses() -> None:
    assert parse_listen("[::1]:80") == ("::1", 80)
    assert parse_listen("localhost:0") == ("localhost", 0)


async def test_no_signal_handlers_are_installed(nursery: trio.Nursery) -> None:
    before = [signal.getsignal(number) for number in signal.valid_signals()]
    await nursery.start(serve, create_app(Shown(FleetInMemory())), "127.0.0.1:0")
    assert [signal.getsignal(number) for number in signal.valid_signals()] == before


async def test_the_end_closes_streams_properly_and_at_once(nursery: trio.Nursery) -> None:
    fleet = FleetInMemory()
    served = Served(fleet, Limits(grace=5))
    address: str = await nursery.start(served.run)
    async with (
        follow(address) as one,
        follow(address) as two,
        await connect(address) as idle,
    ):
        assert await served.stop(within=4) < 2
        for reader in (one, two):
            with pytest.raises(EndOfStreamError):  # a whole chunked answer, not a broken one
                await reader.next()
        assert await idle.receive_some() == b""
    assert not fleet.subscribers
    with pytest.raises(OSError, match="all attempts to connect"):
        await connect(address)


async def test_a_deaf_stream_cannot_hold_up_the_end(nursery: trio.Nursery) -> None:
    fleet = FleetInMemory()
    served = Served(fleet, Limits(grace=0.3, write_timeout=60))
    address: str = await nursery.start(served.run)
    async with await connect(address) as deaf:
        await deaf.send_all(b"GET /api/stream/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: bool(fleet.subscribers))
        for _ in range(300):
            fleet.emit(padding=100_000)
        await until(lambda: next(iter(fleet.subscribers)).waiting > 0)
        assert await served.stop(within=4) < 2
    assert not fleet.subscribers


async def test_connections_are_limited_and_slow_heads_are_cut(
    address: str, client: httpx.AsyncClient
) -> None:
    async with trio.open_nursery() as slow:

        async def dribble() -> None:
            async with await connect(address) as stream:
                await stream.send_all(b"GET /health HTTP/1.1\r\nHost: lo")
                with trio.fail_after(20), suppress(trio.BrokenResourceError):
                    assert await stream.receive_some() == b""

        for _ in range(12):  # the limit is 8
            slow.start_soon(dribble)
    assert (await client.get("/health")).status_code == 200


async def test_a_failure_between_head_and_body_is_answered_as_one(nursery: trio.Nursery) -> None:
    plain = create_app(Shown(FleetInMemory()))

    async def failing(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise RuntimeError

    app = Application(failing, plain.streams, plain.edge, plain.http)
    address: str = await nursery.start(serve, app, "127.0.0.1:0")
    said = await exchange(address, _ASKED)
    assert said.startswith(b"HTTP/1.1 500 ")
    assert said.count(b"HTTP/1.1 ") == 1


async def test_a_pause_between_requests_is_bounded(nursery: trio.Nursery) -> None:
    address: str = await nursery.start(Served(FleetInMemory(), Limits(idle=2)).run)
    async with await connect(address) as stream:
        for _ in range(3):
            await stream.send_all(_ASKED)
            assert await _body(stream) == b'{"status":"alive"}'
        with trio.fail_after(20):
            assert await stream.receive_some() == b""


async def test_who_is_being_answered_is_not_idle(nursery: trio.Nursery) -> None:
    fleet = FleetInMemory()
    address: str = await nursery.start(Served(fleet, Limits(idle=2)).run)
    async with follow(address) as reader:
        async with await connect(address) as silent:
            with trio.fail_after(20):
                assert await silent.receive_some() == b""  # its time was over, and more
        fleet.emit()
        assert (await reader.next()).data


async def test_who_left_holds_no_place(nursery: trio.Nursery) -> None:
    served = Served(FleetInMemory(), Limits(idle=3600))
    address: str = await nursery.start(served.run)
    async with await connect(address) as stream:
        await stream.send_all(_ASKED)
        await _body(stream)
        assert served.app.edge.counts.open == 1
    await until(lambda: served.app.edge.counts.open == 0)


async def _body(stream: trio.SocketStream) -> bytes:
    """The body of the next answer."""
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="GET", target="/", headers=[("host", "localhost")]))
    http.send(h11.EndOfMessage())
    body = b""
    while not isinstance(event := http.next_event(), h11.EndOfMessage):
        if event is h11.NEED_DATA:
            with trio.fail_after(20):
                http.receive_data(await stream.receive_some())
        elif isinstance(event, h11.Data):
            body += event.data
    return body


async def test_an_unread_body_leaves_no_task_behind(nursery: trio.Nursery) -> None:
    fleet, history = FleetInMemory(), HistoryInMemory()
    fleet.add_host("one")
    history.held_up = trio.Event()
    served = Served(fleet, Limits(grace=30), history)
    address: str = await nursery.start(served.run)
    path = b"/api/hosts/one/health/history"
    async with await connect(address) as stream:
        await stream.send_all(
            b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
        )
        await until(lambda: history.waiting == 1)
        for _ in range(20):  # more pieces than wait for a handler that reads none
            await stream.send_all(b"x")
            await trio.sleep(0.01)  # so that each arrives as a piece of its own
        history.held_up.set()
        with trio.fail_after(20):
            assert b" 200" in await stream.receive_some()
    assert await served.stop(within=10) < 5


async def test_a_refused_body_leaves_no_task_behind(nursery: trio.Nursery) -> None:
    served = Served(FleetInMemory(), Limits(grace=30))
    address: str = await nursery.start(served.run)
    head = b"POST /api/hosts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    for _ in range(3):
        assert b" 413 " in await exchange(address, head + b"1\r\nx\r\n" * 10_000)
    assert await served.stop(within=10) < 5


async def test_nothing_is_asked_for_a_client_that_left(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    held_up = history.held_up = trio.Event()
    async with trio.open_nursery() as leaving:
        leaving.start_soon(client.get, "/api/hosts/one/health/history")
        await until(lambda: held_up.statistics().tasks_waiting == 1)
        leaving.cancel_scope.cancel()
    await until(lambda: held_up.statistics().tasks_waiting == 0)
    assert (await client.get("/health")).status_code == 200
