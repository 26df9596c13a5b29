"""Clients that take nothing are cut off, where the server does not do so by itself."""

from __future__ import annotations

import anyio
import anyio.lowlevel
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from web.live.socket import MAX_MESSAGE

TOO_BIG = 1009


def with_patience(app: ASGIApp, seconds: float) -> ASGIApp:
    """End who takes nothing for so many seconds, and who says too much at once on a WebSocket."""

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        in_pieces = False

        async def send_in_time(message: Message) -> None:
            nonlocal in_pieces
            in_pieces = in_pieces or not _is_at_once(message)
            if not in_pieces:
                await send(message)
                return
            with anyio.move_on_after(seconds) as waited:
                await send(message)
            if waited.cancelled_caught:
                whole.cancel()
                await anyio.lowlevel.checkpoint()

        async def receive_short() -> object:
            message = await receive()
            if message["type"] == "websocket.receive":
                said = message.get("text") or message.get("bytes") or ""
                if len(said) > MAX_MESSAGE:
                    await send({"type": "websocket.close", "code": TOO_BIG, "reason": ""})
                    whole.cancel()
                    await anyio.lowlevel.checkpoint()
            return message

        with anyio.CancelScope() as whole:
            await app(scope, receive_short, send_in_time)  # type: ignore[arg-type]  # as it came

    return patient


def _is_at_once(message: Message) -> bool:
    """Whether the server takes it without waiting for the client, unless it is behind others.

    Most answers are of such messages alone, and a deadline costs as much as the rest of a kept one.
    """
    if message["type"] == "http.response.start":
        return True
    return message["type"] == "http.response.body" and not message.get("more_body")
