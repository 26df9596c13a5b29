"""Server-sent events: how every live stream begins, ends, and notices that its client left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio
from litestar.types import Receive, Send

from web.streams import Streams

RETRY_MS = 2000
MEDIA_TYPE = b"text/event-stream"
_HEADERS = [
    (b"content-type", MEDIA_TYPE + b"; charset=utf-8"),
    (b"x-accel-buffering", b"no"),  # nginx must not collect what is live
]

Write = Callable[[bytes], Awaitable[None]]


def is_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether an answer with this head is a stream."""
    for name, value in headers:  # asked for each answer: three times as quick as `any`
        if name == b"content-type":
            return value.startswith(MEDIA_TYPE)
    return False


async def answer_stream(
    streams: Streams,
    receive: Receive,
    send: Send,
    feed: Callable[[Write], Awaitable[None]],
) -> None:
    """Let `feed` write until the client leaves or the server ends."""
    gone = False

    async def watch_client(stream: anyio.CancelScope) -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        stream.cancel()

    async def write(data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})

    with streams.place() as place:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_client, place)
            await feed(write)
    if not gone:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
