"""A WebSocket client over wsproto on a plain socket; every wait has a deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate

from tests.web.live_serving import connect_small
from tests.web.reading import DEADLINE


class Refused(Exception):  # noqa: N818 - an outcome
    """The handshake was answered otherwise; `problem` is the answer's document."""

    def __init__(self, status: int, problem: dict[str, object]) -> None:
        super().__init__(status)
        self.status = status
        self.problem = problem


class Closed(Exception):  # noqa: N818 - an outcome
    """The server ended the connection with this code; None without a word."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class Socket:
    """One connection.

    Attributes:
        answers_pings: As every proper client does.
        pings: How many came.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self.answers_pings = True
        self.pings = 0
        self.accepted = AcceptConnection()
        self._stream = stream
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._events: list[Event] = []
        self._text = ""

    async def open(
        self, path: str, headers: list[tuple[bytes, bytes]], protocols: list[str], host: str
    ) -> None:
        request = Request(
            host=host,
            target=path,
            extra_headers=headers,
            subprotocols=protocols,
            extensions=[PerMessageDeflate()],
        )
        await self._send(request)
        event, body = await self._event(), b""
        if isinstance(event, AcceptConnection):
            self.accepted = event
            return
        assert isinstance(event, RejectConnection)
        while event.has_body:
            data = await self._event()
            assert isinstance(data, RejectData)
            body += data.data
            if data.body_finished:
                break
        raise Refused(event.status_code, msgspec.json.decode(body) if body else {})

    async def say(self, **command: object) -> None:
        """Send a command."""
        await self.say_text(msgspec.json.encode(command).decode())

    async def say_text(self, text: str) -> None:
        """Send what may be no command."""
        await self._send(TextMessage(data=text))

    async def say_bytes(self, data: bytes) -> None:
        """Send what is no text."""
        await self._send(BytesMessage(data=data))

    async def next(self) -> dict[str, object]:
        """The next message but heartbeats."""
        with trio.fail_after(DEADLINE):
            while True:
                event = await self._event()
                if isinstance(event, TextMessage):
                    self._text += event.data
                    if event.message_finished:
                        text, self._text = self._text, ""
                        message = msgspec.json.decode(text, type=dict[str, object])
                        if message["type"] != "heartbeat":
                            return message
                elif isinstance(event, Ping):
                    self.pings += 1
                    if self.answers_pings:
                        await self._send(event.response())
                elif isinstance(event, CloseConnection):
                    raise Closed(event.code)

    async def _event(self) -> Event:
        with trio.fail_after(DEADLINE):
            while not self._events:
                data = await self._stream.receive_some()
                if not data:
                    raise Closed(None)
                self._ws.receive_data(data)
                self._events.extend(self._ws.events())
        return self._events.pop(0)

    async def _send(self, event: Event) -> None:
        with trio.fail_after(DEADLINE):
            await self._stream.send_all(self._ws.send(event))


@asynccontextmanager
async def converse(
    address: str,
    *,
    path: str = "/api/ws",
    headers: list[tuple[bytes, bytes]] | None = None,
    protocols: list[str] | None = None,
    host: str = "localhost",
) -> AsyncIterator[Socket]:
    """An open WebSocket."""
    async with await connect_small(address) as stream:
        socket = Socket(stream)
        await socket.open(path, headers or [], protocols or [], host)
        yield socket
