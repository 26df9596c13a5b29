"""For who leaves before the answer begins no work goes on: a query ends at the database."""

from __future__ import annotations

import anyio
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from web.http1 import has_body


def not_for_nobody(app: ASGIApp) -> ASGIApp:
    """Cancel the application when its client disconnects before the answer has begun.

    Later the application is told, as ever: who streams notices by itself. With a body, which the
    application reads at its own pace, a disconnect is found only by reading on; it is left alone.
    """

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or has_body(scope):
            await app(scope, receive, send)
            return
        begun = False
        # Of a request without a body there is the request itself, which some servers tell in two
        # pieces, and that the client left.
        passed_on, taken = anyio.create_memory_object_stream[Message](4)

        async def watch() -> None:
            while True:
                message = await receive()
                passed_on.send_nowait(message)  # type: ignore[arg-type] # it comes in, and goes on
                if message["type"] == "http.disconnect":
                    break
            if not begun:
                tasks.cancel_scope.cancel()

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        async with passed_on, taken, anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await app(scope, taken.receive, send_noting)  # type: ignore[arg-type] # as above
            tasks.cancel_scope.cancel()

    return watched
