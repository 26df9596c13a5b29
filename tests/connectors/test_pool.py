"""The pool and the exchange over it: limits, reuse, dead connections, cancelling, no leaks."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from connectors.dial import Connection, dial
from connectors.endpoint import Endpoint
from connectors.errors import UnreachableError
from connectors.http import Http
from connectors.pool import Lease, Pool, Shelf

OK = b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Length: 2\r\n\r\nOK"


class Answerer:
    """A server over real sockets; `answers_per_connection` requests are answered on each."""

    def __init__(self) -> None:
        self.address = ("127.0.0.1", 0)
        self.answers_per_connection = 10_000
        self.gate = trio.Event()
        self.gate.set()
        self.open: set[trio.SocketStream] = set()
        self.most_at_once = 0
        self._at_once = 0

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.address = listeners[0].socket.getsockname()
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, self._serve, listeners)
            task_status.started()

    async def _serve(self, stream: trio.SocketStream) -> None:
        self.open.add(stream)
        try:
            await self._answer(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.open.discard(stream)
            await stream.aclose()

    async def _answer(self, stream: trio.SocketStream) -> None:
        for _ in range(self.answers_per_connection):
            if not await stream.receive_some(4096):
                return
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            await self.gate.wait()
            self._at_once -= 1
            await stream.send_all(OK)
        await stream.receive_some(4096)  # the next request is not answered

    async def drop_all(self) -> None:
        for stream in list(self.open):
            await stream.aclose()


@pytest.fixture
async def server(nursery: trio.Nursery) -> Answerer:
    answerer = Answerer()
    await nursery.start(answerer.run)
    return answerer


def make_pool(
    server: Answerer,
    limit: int = 4,
    *,
    shared: trio.CapacityLimiter | None = None,
    idle_seconds: float = 60.0,
) -> tuple[Pool, Http]:
    endpoint = Endpoint("h", address=server.address)
    pool = Pool(
        lambda: dial(endpoint, 5), limit=limit, stream_limit=2, shared=shared,
        idle_seconds=idle_seconds,
    )  # fmt: skip
    return pool, Http(endpoint, pool, 5)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not is_so():  # noqa: ASYNC110 - counters have no event
            await trio.sleep(0.005)


@pytest.fixture
async def connection(server: Answerer) -> AsyncIterator[Connection]:
    made = await dial(Endpoint("h", address=server.address), 5)
    yield made
    made.close()


async def test_the_shelf_gives_the_latest_and_drops_the_oldest(server: Answerer) -> None:
    made = [await dial(Endpoint("h", address=server.address), 5) for _ in range(3)]
    shelf = Shelf(10)
    for now, one in enumerate(made):
        shelf.put(one, now)
    assert shelf.expired(10) == []
    assert shelf.expired(11.5) == made[:2]
    assert shelf.take() is made[2]
    assert shelf.take() is None
    shelf.put(made[0], 12)
    assert shelf.clear() == [made[0]]
    assert len(shelf) == 0
    for one in made:
        one.close()


async def test_requests_one_after_the_other_use_one_connection(server: Answerer) -> None:
    pool, http = make_pool(server)
    for _ in range(5):
        assert (await http.get("/_ping", 100)).body == b"OK"
    counts = pool.counts()
    assert (counts.opened, counts.idle, counts.active, counts.requests) == (1, 1, 0, 5)
    pool.close()
    assert pool.counts().closed == 1
    with pytest.raises(trio.ClosedResourceError):
        await http.get("/_ping", 100)


async def test_no_more_than_the_limit_are_in_flight(server: Answerer) -> None:
    pool, http = make_pool(server, 3)
    server.gate = trio.Event()
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(http.get, "/_ping", 100)
        await until(lambda: pool.counts().waiting == 7 and len(server.open) == 3)
        assert pool.counts().active == 3
        server.gate.set()
    counts = pool.counts()
    assert (counts.active, counts.waiting, counts.idle, counts.opened) == (0, 0, 3, 3)
    assert server.most_at_once == 3
    pool.close()


async def test_the_shared_limit_never_stops_a_host(server: Answerer) -> None:
    shared = trio.CapacityLimiter(1)
    (busy, busy_http), (other, other_http) = (make_pool(server, shared=shared) for _ in range(2))
    server.gate = trio.Event()
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(busy_http.get, "/_ping", 100)
        await until(lambda: len(server.open) == 2)  # its own place and the shared one
        assert (busy.counts().active, busy.counts().waiting) == (4, 2)
        nursery.start_soon(other_http.get, "/_ping", 100)
        await until(lambda: len(server.open) == 3)
        assert other.counts().waiting == 0
        server.gate.set()
    assert shared.borrowed_tokens == 0
    busy.close()
    other.close()


async def test_streams_take_no_place_from_requests(server: Answerer) -> None:
    pool, http = make_pool(server, 1)
    async with pool.stream_lease(), pool.stream_lease():
        assert (await http.get("/_ping", 100)).body == b"OK"
        assert (pool.counts().streams, pool.counts().active) == (2, 0)
        with trio.move_on_after(0.05) as scope:
            async with pool.stream_lease():
                pass
        assert scope.cancelled_caught
    counts = pool.counts()
    assert (counts.streams, counts.idle, counts.opened - counts.closed) == (0, 1, 1)
    pool.close()


async def test_an_idle_connection_that_the_peer_closed_is_replaced(server: Answerer) -> None:
    pool, http = make_pool(server)
    await http.get("/_ping", 100)
    await server.drop_all()
    assert (await http.get("/_ping", 100)).body == b"OK"
    assert (pool.counts().opened, pool.counts().closed) == (2, 1)
    pool.close()


async def test_a_connection_that_dies_as_it_is_reused_fails_no_request(server: Answerer) -> None:
    server.answers_per_connection = 1
    pool, http = make_pool(server)
    for _ in range(3):
        assert (await http.get("/_ping", 100)).body == b"OK"
    assert pool.counts().opened == 3
    server.answers_per_connection = 0
    with pytest.raises(UnreachableError, match="without an answer"):  # and it tries once only
        await http.get("/_ping", 100)
    assert pool.counts().opened == 4
    assert pool.counts().idle == 0
    pool.close()


async def test_idle_connections_expire(
    server: Answerer, mock_clock: trio.testing.MockClock
) -> None:
    pool, http = make_pool(server, idle_seconds=10)
    async with pool.lease(), pool.lease():
        pass
    assert pool.counts().idle == 2
    for _ in range(12):
        await http.get("/_ping", 100)  # the last in is the first out: the other grows old
        mock_clock.jump(1)
    assert (pool.counts().idle, pool.counts().closed) == (1, 1)
    pool.close()


async def test_a_failed_dial_gives_its_place_back(server: Answerer) -> None:
    endpoint = Endpoint("gone", address=("127.0.0.1", 1))
    pool = Pool(lambda: dial(endpoint, 5), limit=1, stream_limit=1)
    for _ in range(3):
        with pytest.raises(UnreachableError):
            await Http(endpoint, pool, 5).get("/_ping", 100)
    assert (pool.counts().active, pool.counts().opened) == (0, 0)
    assert server.open == set()


class _CancelAt(trio.abc.Instrument):
    """Cancels a scope as a task takes its nth step: the next point where it waits is hit."""

    def __init__(self, task: trio.lowlevel.Task, scope: trio.CancelScope, step: int) -> None:
        self._task, self._scope, self._left = task, scope, step

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            self._left -= 1
            if self._left == 0:
                self._scope.cancel()


async def cancelled_at(step: int, work: Callable[[], Awaitable[object]]) -> bool:
    with trio.CancelScope() as scope:
        if step == 0:
            scope.cancel()
        instrument = _CancelAt(trio.lowlevel.current_task(), scope, step)
        trio.lowlevel.add_instrument(instrument)
        try:
            await work()
        finally:
            trio.lowlevel.remove_instrument(instrument)
    return scope.cancelled_caught


@pytest.mark.parametrize("is_reused", [False, True])
async def test_cancelling_anywhere_leaks_nothing(server: Answerer, is_reused: bool) -> None:
    cancelled = 0
    step = 0
    while True:
        pool, http = make_pool(server, 1, shared=trio.CapacityLimiter(1))
        if is_reused:
            await http.get("/_ping", 100)
        before = open_files()

        async def one_request(http: Http = http) -> None:
            await http.get("/_ping", 100)

        was_cancelled = await cancelled_at(step, one_request)
        counts = pool.counts()
        assert (counts.active, counts.waiting) == (0, 0)
        assert counts.opened - counts.closed == counts.idle
        assert (await http.get("/_ping", 100)).body == b"OK"
        pool.close()
        if not was_cancelled:
            break
        cancelled += 1
        step += 1
    await until(lambda: not server.open)
    assert open_files() <= before
    assert cancelled >= (1 if is_reused else 3)


async def test_cancelling_while_waiting_for_a_place_leaves_the_queue(server: Answerer) -> None:
    pool, http = make_pool(server, 1)
    async with pool.lease():
        with trio.move_on_after(0.05):
            await http.get("/_ping", 100)
        assert (pool.counts().waiting, pool.counts().active) == (0, 1)
    assert (await http.get("/_ping", 100)).body == b"OK"
    pool.close()


async def test_a_lease_that_is_over_holds_no_connection(server: Answerer) -> None:
    pool, _ = make_pool(server)
    lease: Lease = pool.lease()
    async with lease:
        assert lease.connection.used == 0
    with pytest.raises(RuntimeError):
        _ = lease.connection
    pool.close()


async def test_tcp_finds_dead_peers_by_keepalive(connection: Connection) -> None:
    stream = connection.stream
    assert isinstance(stream, trio.SocketStream)
    assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    idle = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    interval = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
    count = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
    assert isinstance(idle, int)
    assert isinstance(interval, int)
    assert isinstance(count, int)
    assert idle + interval * count <= 30
    assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
