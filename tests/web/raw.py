"""A client that speaks bytes, for what a proper one would not send."""

from __future__ import annotations

from contextlib import suppress

import trio


async def connect(address: str) -> trio.SocketStream:
    host, _, port = address.rpartition(":")
    return await trio.open_tcp_stream(host, int(port))


async def exchange(address: str, request: bytes, seconds: float = 5) -> bytes:
    """Send all, read until the server closes or has sent one whole head."""
    with trio.fail_after(seconds):
        async with await connect(address) as stream:
            with suppress(trio.BrokenResourceError):  # it may close before it has read all
                await stream.send_all(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                try:
                    data = await stream.receive_some()
                except trio.BrokenResourceError:
                    break
                if not data:
                    break
                answer += data
            return answer
