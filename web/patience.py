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
        async def send_in_time(message: Message) -> None:
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
