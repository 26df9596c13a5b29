"""What a hostile client does gets a right answer or a close, and an honest one is answered."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

import pytest
import trio
from wsproto.frame_protocol import CloseReason

from tests.web.hostile import (
    ALLOWANCE,
    ATTACKER,
    DEADLINE,
    HEALTH,
    LIMITS,
    PATIENT,
    Target,
    eventually,
    read_all,
    resident,
    served,
)
from web.documents import HostDocument
from web.heads import MAX_HEAD, MAX_HEADERS, MAX_TARGET
from web.live.socket import MAX_MESSAGE

GET = b"GET /api/hosts HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/revp/preview HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\n"
STREAM = b"GET /api/stream/containers HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET /api/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
CLOSED = 0  # without an answer

# what is sent, and the status of the answer
STRANGE: dict[str, tuple[bytes, int]] = {
    "header too long": (GET + b"X: " + b"y" * MAX_HEAD + b"\r\n\r\n", 431),
    "head too long, at once": (
        GET + b"X: y\r\n" * 90 + b"Y: " + b"z" * MAX_HEAD + b"\r\n\r\n",
        431,
    ),
    "header without end": (GET + b"X: " + b"y" * 200_000, 431),
    "too many headers": (GET + b"X: y\r\n" * MAX_HEADERS + b"\r\n", 431),
    "target too long": (
        b"GET /" + b"a" * MAX_TARGET + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        414,
    ),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + b"Host: localhost\r\n\r\n", 400),
    "wrong host": (b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "host beyond ASCII": (b"GET /health HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", 421),
    "absolute target": (b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "authority target": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/3.0": (b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 505),
    "upgrade to HTTP/2": (
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        200,
    ),
    "TLS": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\x55" * 500, 400),
    "rubbish": (b"\0\xff" * 1000 + b"\r\n\r\n", 400),
    "empty lines": (b"\r\n" * 30_000, 400),
    # smuggling
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "two lengths in one": (POST + b"Content-Length: 3, 4\r\n\r\nabcd", 400),
    "length and chunks": (
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "chunks and length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        400,
    ),
    "another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "hidden coding": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "chunks in HTTP/1.0": (
        b"POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "signed length": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "negative length": (POST + b"Content-Length: -3\r\n\r\nabc", 400),
    "endless length": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    "bare line feeds": (b"GET /health HTTP/1.1\nHost: localhost\n\n", 400),
    "a bare line feed": (b"GET /health HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400),
    "a bare carriage return": (GET + b"X: a\rY: b\r\n\r\n", 400),
    "folded header": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "folded first header": (b"GET / HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    "null in a header": (GET + b"X: a\0b\r\n\r\n", 400),
    # paths
    "dots": (b"GET /api/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "encoded dots": (b"GET /api/%2e%2e/%2E%2E/etc HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "slashes": (b"GET //api//hosts// HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "null in the path": (b"GET /api/hosts/%00one HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "null as a reference": (
        b"GET /api/containers/%00%00%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        404,
    ),
    "no UTF-8 in the path": (b"GET /api/hosts/%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "half a character": (b"GET /api/hosts/%c3 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "a surrogate": (b"GET /api/hosts/%ed%a0%80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "line ends in the path": (
        b"GET /api/hosts/a%0d%0aX:%20y HTTP/1.1\r\nHost: localhost\r\n\r\n",
        404,
    ),
    "bytes beyond ASCII": (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "odd percents": (b"GET /api/hosts/%zz%1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "no UTF-8 in the query": (b"GET /api/hosts?%ff=%fe HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "null in the query": (b"GET /api/containers?host=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "many parameters": (
        b"GET /api/containers?" + b"name=a&" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
    ),
    "no UTF-8 in headers": (GET + b"Cookie: \xff\xfe\r\nX-Y: \xff\r\n\r\n", 200),
    # bodies
    "huge body": (POST + b"Content-Length: 99999999999\r\n\r\n" + b"x" * 2_000_000, 413),
    "huge body where none is wanted": (
        b"POST /api/hosts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"
        + b"x" * 2_000_000,
        413,
    ),
    "huge chunks": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 30,
        413,
    ),
    "a chunk of no size": (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "a long size of a chunk": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 50_000 + b"1\r\n",
        400,
    ),
    # WebSockets
    "no key": (UPGRADE.partition(b"Sec-WebSocket-Key")[0] + b"\r\n", 400),
    "another version": (UPGRADE.replace(b"13", b"7") + b"\r\n", 400),
    "protocol beyond ASCII": (UPGRADE + b"Sec-WebSocket-Protocol: \xff\r\n\r\n", 400),
    "another path": (UPGRADE.replace(b"/api/ws", b"/api/hosts") + b"\r\n", 403),
    "another origin": (UPGRADE + b"Origin: http://evil.example\r\n\r\n", 403),
    "data before it is accepted": (UPGRADE + b"\r\n" + b"\x81\x85\0\0\0\0hello", 400),
    "a socket with a body": (UPGRADE + b"Content-Length: 5\r\n\r\nhello", 400),
}


@pytest.fixture(autouse=True)
def no_defect(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that a client does is an error of ours."""
    caplog.set_level(logging.WARNING)
    yield
    assert not [record.getMessage() for record in caplog.records]


async def test_strange_requests_are_refused() -> None:
    async with served() as target:
        found: dict[str, int] = {}

        async def ask(name: str, request: bytes) -> None:
            answer = await target.exchange(request)
            found[name] = int(answer.split(b" ", 2)[1]) if answer else CLOSED

        limit = trio.CapacityLimiter(8)
        async with trio.open_nursery() as nursery:
            for name, (request, _) in STRANGE.items():

                async def one(name: str = name, request: bytes = request) -> None:
                    async with limit:
                        await ask(name, request)

                nursery.start_soon(one)
        assert found == {name: status for name, (_, status) in STRANGE.items()}
        assert await target.is_answered()
        await target.until_calm()


async def drip(target: Target, head: bytes, rest: bytes, status: bytes) -> None:
    """Send a byte of the rest now and then, until the server has had enough."""
    async with await target.connect() as stream, trio.open_nursery() as nursery:
        await stream.send_all(head)

        async def send() -> None:
            try:
                for number in range(len(rest)):
                    await stream.send_all(rest[number : number + 1])
                    await trio.sleep(0.02)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

        nursery.start_soon(send)
        answer = await read_all(stream)
        assert answer.startswith(status), answer[:200]
        nursery.cancel_scope.cancel()


async def honest(target: Target, answered: list[float]) -> None:
    """Ask all the while, from another address."""
    while True:
        began = trio.current_time()
        assert await target.is_answered()
        answered.append(trio.current_time() - began)
        await trio.sleep(0.1)


async def test_who_drips_is_cut_and_others_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.revp.bodies.SECONDS", 0.5)
    async with served() as target:
        answered: list[float] = []
        preview = POST + b"Content-Length: 100000\r\n\r\n"
        unread = GET + b"Content-Length: 60000\r\n\r\n"
        async with trio.open_nursery() as asking:
            asking.start_soon(honest, target, answered)
            async with trio.open_nursery() as dripping:
                for _ in range(16):
                    dripping.start_soon(drip, target, b"", GET + b"X: " + b"y" * 4000, b"")
                for _ in range(2):
                    dripping.start_soon(drip, target, preview, b"#" * 5000, b"HTTP/1.1 408 ")
                    dripping.start_soon(drip, target, unread, b"#" * 5000, b"HTTP/1.1 200 ")
            asking.cancel_scope.cancel()
        assert answered
        await target.until_calm()


async def test_thousands_of_open_connections_leave_room() -> None:
    async with served() as target:
        before, answered = resident(), list[float]()
        with ExitStack() as held:
            async with trio.open_nursery() as asking:
                asking.start_soon(honest, target, answered)
                for number in range(80):
                    source = f"127.0.0.{2 + number % 10}"
                    for plain in target.hold(source, 25, GET if number % 2 else b""):
                        held.enter_context(plain)
                    await trio.lowlevel.checkpoint()
                count = len(answered)
                await eventually(lambda: len(answered) > count + 2, lambda: "no answer after it")
                asking.cancel_scope.cancel()
            turned = target.app.edge.counts.turned
            await eventually(
                lambda: turned["evicted"] + turned["client"] + target.open > 1000,
                lambda: f"{target.open} open, {turned}",
            )
            assert target.open <= LIMITS.connections
            assert resident() - before < 100_000_000
        await target.until_calm()


async def test_one_address_cannot_take_all_places() -> None:
    few = dataclasses.replace(ALLOWANCE, connections=8)
    async with served(allowance=few, limits=PATIENT) as target:
        held = [await target.connect() for _ in range(8)]
        for stream in held:
            await stream.send_all(STREAM)
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
        assert await target.exchange(STREAM) == b""  # closed: all its places are being used
        assert target.app.edge.counts.turned["client"] == 1
        assert await target.is_answered()
        for stream in held:
            await stream.aclose()
        await target.until_calm()


async def test_streams_beyond_their_places_are_refused() -> None:
    async with served(limits=PATIENT) as target:
        held = [await target.connect(f"127.0.0.{2 + number % 4}") for number in range(40)]
        statuses = Counter[bytes]()
        for stream in held:
            await stream.send_all(STREAM)
            statuses[(await stream.receive_some())[:12]] += 1
        assert statuses == {b"HTTP/1.1 200": 16, b"HTTP/1.1 503": 24}
        assert await target.is_answered()
        for stream in held:
            await stream.aclose()
        await target.until_calm()


async def test_who_does_not_read_is_cut_and_forgotten() -> None:
    async with served(containers=1000) as target:
        request = GET.replace(b"/api/hosts", b"/api/containers?limit=1000")
        assert len(await target.exchange(request + b"Connection: close\r\n\r\n")) > 300_000
        deaf = [await target.connect() for _ in range(20)]
        for stream in deaf:
            await stream.send_all(request + b"\r\n" + request + b"\r\n")
        await eventually(lambda: target.open == 20, lambda: f"{target.open} open")
        assert await target.is_answered()
        await eventually(lambda: target.open == 0, lambda: f"{target.open} still open")
        for stream in deaf:
            await stream.aclose()
        await target.until_calm()


async def test_a_socket_that_breaks_the_rules_is_closed() -> None:
    async with served() as target:
        too_big = bytes((0x81, 0xFF)) + (MAX_MESSAGE * 100).to_bytes(8, "big") + b"\0\0\0\0"
        fragments = (bytes((0x01, 0x80)) + b"\0\0\0\0" + b"") + (
            bytes((0x00, 0xFE)) + (16_000).to_bytes(2, "big") + b"\0\0\0\0" + b"x" * 16_000
        ) * 20
        cases = {
            "too big": too_big + b"x" * MAX_MESSAGE * 100,
            "fragments": fragments,
            "no UTF-8": bytes((0x81, 0x82)) + b"\0\0\0\0\xff\xfe",
            "unmasked": bytes((0x81, 0x02)) + b"{}",
            "reserved": bytes((0xF3, 0x80)) + b"\0\0\0\0",
            "long ping": bytes((0x89, 0xFE))
            + (1000).to_bytes(2, "big")
            + b"\0\0\0\0"
            + b"x" * 1000,
            "rubbish": b"\xff" * 100_000,
        }
        for name, frames in cases.items():
            async with await target.connect() as stream:
                await stream.send_all(UPGRADE + b"\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 "), name
                try:
                    await stream.send_all(frames)
                except trio.BrokenResourceError:
                    continue
                answer = await read_all(stream)
                if name in ("too big", "fragments"):
                    code = CloseReason.MESSAGE_TOO_BIG.to_bytes(2, "big")
                    assert code in answer, name
        assert len(target.app.streams) == 0
        await target.until_calm()


async def test_a_socket_that_goes_on_after_it_was_refused_is_closed() -> None:
    no_key = UPGRADE.partition(b"Sec-WebSocket-Key")[0] + b"\r\n"
    too_big = bytes((0x01, 0xFE)) + (20_000).to_bytes(2, "big") + b"\0\0\0\0" + b"x" * 20_000
    ping = bytes((0x89, 0x80)) + b"\0\0\0\0"
    async with served() as target:

        async def go_on(said: bytes) -> None:
            async with await target.connect() as stream:
                with trio.fail_after(DEADLINE):
                    await stream.send_all(UPGRADE + b"\r\n" if said is too_big else said)
                    await stream.receive_some()
                    with suppress(trio.BrokenResourceError):
                        await stream.send_all(said)
                        while True:
                            await trio.sleep(0.05)
                            await stream.send_all(ping)

        async with trio.open_nursery() as nursery:
            for said in (no_key, UPGRADE + b"\r\n" + ping, too_big):
                nursery.start_soon(go_on, said)
        assert len(target.app.streams) == 0
        await target.until_calm()


async def test_a_socket_that_only_asks_or_only_pings_holds_nothing_up() -> None:
    async with served() as target:
        ping = bytes((0x89, 0x80)) + b"\0\0\0\0"
        command = b'{"ping":1}'
        text = bytes((0x81, 0x80 | len(command))) + b"\0\0\0\0" + command
        async with trio.open_nursery() as nursery:

            async def flood(frame: bytes) -> None:
                async with await target.connect() as stream:
                    await stream.send_all(UPGRADE + b"\r\n")
                    with trio.move_on_after(DEADLINE):
                        try:
                            while True:
                                await stream.send_all(frame * 1000)
                        except trio.BrokenResourceError:
                            return
                raise AssertionError("it was never cut")

            nursery.start_soon(flood, ping)
            nursery.start_soon(flood, text)
            assert await target.is_answered()
        await target.until_calm()


async def test_who_hangs_up_leaves_nothing_running() -> None:
    cut = POST + b"Content-Length: 5\r\n\r\n"
    async with served() as target:
        for said in (GET, GET + b"\r\n", UPGRADE, UPGRADE + b"\r\n", HEALTH * 10, POST, cut):
            for plain in target.hold(ATTACKER, 10, said):
                plain.close()
            assert await target.is_answered()
        await target.until_calm()


async def test_who_guesses_tokens_waits_and_others_do_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    few = dataclasses.replace(ALLOWANCE, wrong_credentials=5)
    async with served(allowance=few, token="right") as target:

        async def ask(token: bytes, source: str = ATTACKER) -> bytes:
            head = b"Authorization: Bearer " + token + b"\r\nConnection: close\r\n\r\n"
            return (await target.exchange(GET + head, source))[:12]

        assert await ask(b"right") == b"HTTP/1.1 200"
        for number in range(5):
            assert await ask(b"guess%d" % number) == b"HTTP/1.1 401"
        assert await ask(b"guess5") == b"HTTP/1.1 429"
        assert await ask(b"right") == b"HTTP/1.1 200"  # it was right from there before
        assert await ask(b"guess5", "127.0.0.9") == b"HTTP/1.1 401"
        assert await target.is_answered()
        await target.until_calm()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "127.0.0.2" in caplog.text
    caplog.clear()


async def test_who_asks_too_often_is_told_when_to_come_again() -> None:
    few = dataclasses.replace(ALLOWANCE, requests_per_second=0.01, burst=3)
    async with served(allowance=few) as target:
        answer = await target.exchange(HEALTH * 5)
        statuses = re.findall(rb"HTTP/1\.1 (\d+)", answer)
        assert statuses == [b"200", b"200", b"200", b"429", b"429"]
        assert b"retry-after: 100\r\n" in answer
        assert answer.count(b"urn:fleet:problem:too-many-requests") == 2
        for _ in range(5):  # one connection was opened already, six may be
            assert b" 429 " in await target.exchange(HEALTH[:-2] + b"Connection: close\r\n\r\n")
        assert await target.exchange(HEALTH) == b""
        assert target.app.edge.counts.turned["rate"] == 1
        assert await target.is_answered()


async def test_what_comes_at_once_is_answered_one_by_one() -> None:
    async with served(limits=PATIENT) as target, trio.open_nursery() as nursery:
        passes, answered = 0, Counter[int]()
        told = target.fleet.hosts

        async def count() -> None:
            nonlocal passes
            while True:
                await trio.lowlevel.checkpoint()
                passes += 1

        def hosts() -> Sequence[HostDocument]:
            answered[passes] += 1
            return told()

        target.fleet.hosts = hosts  # type: ignore[method-assign]  # to see when it is asked
        with ExitStack() as held:
            several = [target.hold(f"127.0.0.{2 + number}", 20) for number in range(10)]
            sockets = [held.enter_context(plain) for some in several for plain in some]
            await eventually(lambda: target.open == 200, lambda: f"{target.open} open")
            nursery.start_soon(count)
            for plain in sockets:
                plain.send(GET + b"Connection: close\r\n\r\n")
            await eventually(lambda: answered.total() >= 200, lambda: f"{answered.total()}")
            nursery.cancel_scope.cancel()
        assert max(answered.values()) <= 5  # all else that runs had its turn in between
