"""Hypercorn's side of a WebSocket, which ends where it only stopped listening."""

from __future__ import annotations

from typing import Any

from hypercorn.protocol.events import Body, Data, Event, Request, StreamClosed
from hypercorn.protocol.ws_stream import FrameTooLargeError, WebsocketBuffer, WSStream
from wsproto.events import Message
from wsproto.frame_protocol import CloseReason


class _Buffer(WebsocketBuffer):
    """Takes no more than it may; Hypercorn's says that it is full once it holds too much."""

    is_full = False

    def extend(self, event: Message[Any]) -> None:
        if self.is_full or self.length + len(event.data) > self.max_length:
            self.is_full = True
            self.clear()
            raise FrameTooLargeError
        super().extend(event)


class BoundedSocket(WSStream):
    """A WebSocket whose connection is closed when its client breaks the rules.

    Hypercorn answers and waits for the client to close it: one that does not would keep its place,
    and, where the application was asked already, that of a stream, for ever.

    Attributes:
        is_broken: The rules were broken; more may come that nobody reads.
    """

    is_broken = False

    async def handle(self, event: Event) -> None:
        """Take what the client sent."""
        if self.closed:
            return
        if isinstance(event, (Body, Data)) and not self.handshake.accepted:
            self.closed = self.is_broken = True  # before the application accepts it meanwhile
            await self._send_error_response(400)
            await self._leave()
            return
        if isinstance(event, Request):
            self.buffer = _Buffer(self.buffer.max_length)
        await super().handle(event)
        if isinstance(event, Request) and self.app_put is None:  # the handshake was none
            await self.send(StreamClosed(stream_id=self.stream_id))
        elif isinstance(self.buffer, _Buffer) and self.buffer.is_full:
            self.closed = self.is_broken = True
            await self._leave()

    async def _leave(self) -> None:
        """Tell the application, then end the connection."""
        if self.app_put is not None:
            code = CloseReason.ABNORMAL_CLOSURE.value
            await self.app_put({"type": "websocket.disconnect", "code": code})
        await self.send(StreamClosed(stream_id=self.stream_id))
