"""One connection to a simulated Engine: requests in, answers and streams out, in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from tests.lab.simulated.answers import EventsFrom, Later, LogOf, SamplesOf, Whole, whole
from tests.lab.simulated.streams import EventsStream, LogStream, SamplesStream, Stream
from tests.lab.simulated.times import SECOND, http_date

if TYPE_CHECKING:
    from tests.lab.simulated.host import SimulatedHost

MAX_HEAD = 64 * 1024
SLOW_BYTES = 1024 * 1024  # that a reader may be behind
MOST_HELD = 1024  # chunks that wait while the host is stalled


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one client.

    Attributes:
        lost_chunks: Of streams, as the client read too slowly.
    """

    def __init__(self, host: SimulatedHost) -> None:
        self.lost_chunks = 0
        self._host = host
        self._received = b""
        self._is_busy = False
        self._keeps_alive = True
        self._stream: Stream | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._held: deque[bytes] = deque(maxlen=MOST_HELD)
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._host.faults.is_cut:
            transport.abort()
        else:
            self._host.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._host.connections.discard(self)
        self._end_stream()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        self.go_on()

    def abort(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    def go_on(self) -> None:
        """Take up what waits: requests one after the other, and what a stall has held back."""
        while not self._host.faults.is_stalled:
            while self._held:
                self._transport.write(self._held.popleft())
            end = self._received.find(b"\r\n\r\n")
            if end < 0 and len(self._received) > MAX_HEAD:
                self._transport.abort()
            if self._is_busy or end < 0:
                return
            head, self._received = self._received[:end], self._received[end + 4 :]
            self._is_busy = True
            if self._host.faults.delay:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._host.faults.delay, self._delayed, head)
            else:
                self._answer(head)

    def _delayed(self, head: bytes) -> None:
        self._answer(head)
        self.go_on()

    def _answer(self, head: bytes) -> None:
        line, _, headers = head.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or words[0] not in ("GET", "HEAD"):
            self._refuse(b"405 Method Not Allowed")
            return
        self._keeps_alive = words[2] == "HTTP/1.1" and b"connection: close" not in headers.lower()
        self._host.requests += 1
        answer = self._host.answers.answer(words[1])
        if isinstance(answer, Whole):
            self.send(whole(answer, self._date(), with_body=words[0] == "GET"))
            self._finish()
        elif isinstance(answer, Later):
            seconds = max(answer.nano - self._host.model.now(), 0) / SECOND
            self._timer = asyncio.get_running_loop().call_later(seconds, self._late, answer)
        else:
            self._begin(answer)

    def _late(self, answer: Later) -> None:
        self.send(whole(answer.make(), self._date()))
        self._finish()
        self.go_on()

    def _begin(self, answer: EventsFrom | LogOf | SamplesOf) -> None:
        """Begin a stream; the connection is its own until it ends."""
        kind = self._host.kind
        if isinstance(answer, EventsFrom):
            self._stream, head = EventsStream(self._host, self, answer), kind.head("events")
        elif isinstance(answer, LogOf):
            self._stream = LogStream(self._host, self, answer)
            head = kind.log_head(tty=answer.container.made.tty)
        else:
            self._stream, head = SamplesStream(self._host, self, answer), kind.head("json")
        lines = (b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", b"")
        self.send(b"\r\n".join((lines[0], head + self._date() + lines[1], b"", b"")))
        self._stream.begin()

    def send_chunk(self, data: bytes) -> None:
        """Send a piece of a stream; a client that is far behind loses it."""
        if self._transport.get_write_buffer_size() > SLOW_BYTES:
            self.lost_chunks += 1
            return
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end_stream(self) -> None:
        """End the stream in order."""
        self._end_stream()
        self.send(b"0\r\n\r\n")
        self._finish()
        asyncio.get_running_loop().call_soon(self.go_on)

    def send(self, data: bytes) -> None:
        """Send, or hold it while the host is stalled."""
        if self._host.faults.is_stalled:
            self._held.append(data)
        else:
            self._transport.write(data)

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.end()
            self._stream = None

    def _finish(self) -> None:
        self._is_busy = False
        if not self._keeps_alive:
            self._transport.close()

    def _refuse(self, status: bytes) -> None:
        self._transport.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)
        self._transport.close()

    def _date(self) -> bytes:
        return http_date(self._host.model.now() // SECOND)
