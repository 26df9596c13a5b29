"""Requests to one Engine over its pool: deadlines, bounds, and the one place of translation."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import msgspec
import trio

from connectors.dial import Connection
from connectors.endpoint import Endpoint
from connectors.errors import (
    ApiStatusError,
    EngineError,
    NotFoundError,
    ProtocolError,
    TlsError,
    UnreachableError,
)
from connectors.pool import Pool
from connectors.translate import place, translate
from connectors.wire import Head, MalformedError, Reader, TruncatedError

RECEIVE = 64 * 1024
RECEIVE_STREAM = 16 * 1024  # tiny lines by the thousand must not hold up the loop
MAX_ERROR_BODY = 64 * 1024
_BROKEN = (MalformedError, trio.BrokenResourceError, OSError)


class _Message(msgspec.Struct):
    """The body of a 4xx or 5xx answer; Podman says `cause` too."""

    message: str = ""


_decode_message = msgspec.json.Decoder(_Message).decode


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer with a 2xx status. Header names are lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Http:
    """GET requests to one Engine; every failure is an `EngineError`."""

    def __init__(self, endpoint: Endpoint, pool: Pool, request_timeout: float) -> None:
        """Use `pool`; a short request may take `request_timeout` seconds from lease to end."""
        self.endpoint = endpoint
        self.pool = pool
        self._timeout = request_timeout

    async def get(self, target: str, max_body: int, call: str = "other") -> Reply:
        """Ask for `target` (path and query, already quoted); at most `max_body` bytes come back.

        `call` is the kind of request, as it is counted.

        Raises:
            EngineError: Also when the whole answer is not there within the request timeout,
                whether the Engine is silent or drips.
        """
        request = _request(target)
        async with self.pool.lease(call) as lease:
            reader = Reader()
            with trio.move_on_after(self._timeout):
                try:
                    try:
                        body = await _exchange(lease.connection, request, reader, max_body)
                    except _BROKEN:
                        if lease.connection.used == 1 or reader.received:
                            raise
                        reader = Reader()  # closed by the peer just as we reused it: once more
                        body = await _exchange(await lease.renew(), request, reader, max_body)
                except _BROKEN as error:
                    raise self.broken(error, reader.received) from error
                head = self.check(reader.head, body)
                return Reply(head.status, head.headers, body)
            raise self.late(reader, self._timeout)

    @asynccontextmanager
    async def stream(self, target: str, *, is_endless: bool) -> AsyncIterator[Stream]:
        """Open an answer that is read as it comes, on a connection of its own.

        An endless one may be silent for ever, and any end is its end. With another one the
        request timeout bounds the time between two pieces, and it must be complete.
        """
        async with self.pool.stream_lease() as lease:
            stream = Stream(self, lease.connection, is_endless=is_endless)
            await stream.begin(_request(target), self._timeout)
            yield stream

    def check(self, head: Head | None, body: bytes) -> Head:
        """Let 2xx pass.

        Raises:
            EngineError: `NotFoundError`, `ApiStatusError`, or `ProtocolError` for redirects.
        """
        host = self.endpoint.host
        if head is None or 300 <= head.status < 400:
            status = head.status if head else 0
            hint = "give the Engine's own address"
            raise ProtocolError(host, f"{self._place} answers with a redirect ({status})", hint)
        if head.status < 300:
            return head
        said = _message(body) or f"status {head.status} without a message"
        if head.status == 404:
            raise NotFoundError(host, 404, said)
        if head.status == 400 and b"HTTP request to an HTTPS server" in body:
            raise TlsError(host, f"{self._place} wants TLS", "set tls for this host")
        if head.status in (401, 403):
            hint = "a proxy before the Engine forbids it"
            raise ApiStatusError(host, head.status, said, hint)
        raise ApiStatusError(host, head.status, said)

    def broken(self, error: Exception, received: int = 1) -> EngineError:
        """Translate a failed exchange."""
        host = self.endpoint.host
        if isinstance(error, TruncatedError) and not received:
            what = f"{self._place} closed the connection without an answer"
            return UnreachableError(host, what, "is the Engine behind it running?")
        if not isinstance(error, MalformedError):
            return translate(self.endpoint, error)
        if error.sample[:2] in (b"\x15\x03", b"\x16\x03"):
            return TlsError(host, f"{self._place} wants TLS", "set tls for this host")
        shown = f": {printable(error.sample)}" if error.sample else ""
        hint = "is it an Engine, with no proxy in between that changes answers?"
        return ProtocolError(host, f"{self._place} {error.what}{shown}", hint)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Translate what a parser of the body says."""
        try:
            yield
        except MalformedError as error:
            raise self.broken(error) from error

    def late(self, reader: Reader, seconds: float) -> EngineError:
        """Say that the time was up: silent peers are unreachable, dripping ones misbehave."""
        host = self.endpoint.host
        if not reader.received:
            what = f"{self._place} gave no answer within {seconds:g} s"
            return UnreachableError(host, what, "is the Engine overloaded, or the link down?")
        what = f"{self._place} had sent {reader.received} bytes of an answer after {seconds:g} s"
        return ProtocolError(host, what, "is the link slow? raise request_timeout")

    @property
    def _place(self) -> str:
        return place(self.endpoint)


class Stream:
    """One answer, piece by piece.

    Attributes:
        headers: Names in lower case.
    """

    def __init__(self, http: Http, connection: Connection, *, is_endless: bool) -> None:
        """Read from `connection`; `http` translates."""
        self.headers: dict[bytes, bytes] = {}
        self._http = http
        self._stream = connection.stream
        self._reader = Reader(least_chunk=0)  # of a log, every line is a chunk
        self._is_endless = is_endless
        self._silence = math.inf
        self._early = bytearray()  # of the body, received together with the head

    async def begin(self, request: bytes, patience: float) -> None:
        """Send, and return once the headers say 2xx, within `patience` seconds."""
        reader = self._reader
        with trio.move_on_after(patience):
            try:
                await self._stream.send_all(request)
                while reader.head is None or (reader.head.status >= 300 and not reader.done):
                    self._early += reader.feed(await self._stream.receive_some(RECEIVE_STREAM))
                    if len(self._early) > MAX_ERROR_BODY + RECEIVE_STREAM:
                        raise MalformedError("sent an endless error", bytes(self._early[:64]))
            except _BROKEN as error:
                raise self._http.broken(error, reader.received) from error
            self.headers = self._http.check(reader.head, bytes(self._early)).headers
            self._silence = math.inf if self._is_endless else patience
            return
        raise self._http.late(reader, patience)

    async def receive(self) -> bytes:
        """Return the next piece of the body, never empty; empty at its end.

        Raises:
            EngineError: The connection broke, the peer sent rubbish or went silent.
        """
        reader = self._reader
        received = bytes(self._early)
        self._early.clear()
        with trio.move_on_after(self._silence):
            try:
                while not received and not reader.done:
                    received = reader.feed(await self._stream.receive_some(RECEIVE_STREAM))
            except TruncatedError as error:
                if not self._is_endless:
                    raise self._http.broken(error, reader.received) from error
            except _BROKEN as error:
                raise self._http.broken(error, reader.received) from error
            return received
        raise self._http.late(reader, self._silence)


def printable(sample: bytes) -> str:
    """Show bytes of a stranger: quoted, escaped, short."""
    return ascii(sample[:48].decode("latin-1"))


def _message(body: bytes) -> str:
    """Read `{"message": ...}` of an Engine, or the first line of whatever a proxy says."""
    try:
        return _decode_message(body).message[:500]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return printable(body.split(b"\n")[0]) if body else ""


def _request(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: fleet\r\n\r\n".encode("ascii")


async def _exchange(connection: Connection, request: bytes, reader: Reader, max_body: int) -> bytes:
    """Send and read one whole answer. Until it is complete the connection is not reusable."""
    connection.reusable = False
    connection.used += 1
    await connection.send(request)
    body = bytearray()
    while not reader.done:
        new = reader.feed(await connection.receive(RECEIVE))
        body += new
        announced = reader.head.length if reader.head else None
        if len(body) > max_body or (announced or 0) > max_body:
            raise MalformedError(f"sent more than {max_body} bytes", new)
    connection.reusable = reader.clean
    return bytes(body)
