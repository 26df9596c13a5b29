"""The beginning of a connection to a port that speaks TLS."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

import msgspec
import trio

from web.problems import MEDIA_TYPE, Problem
from web.stream import ClientStream
from web.turns import PacedStream

_HANDSHAKE = b"\x16"  # the first byte of what a TLS client says (RFC 8446, section 5.1)


async def encrypted(
    plain: PacedStream, stream: ClientStream, context: ssl.SSLContext, within: float
) -> bool:
    """Shake hands; False where the client does not, in time: the connection is of no use then.

    Who speaks HTTP without TLS is told so.
    """
    with trio.move_on_after(within):
        try:
            first = await plain.socket.recv(1, socket.MSG_PEEK)
            if first == _HANDSHAKE:
                tls = trio.SSLStream(plain, context, server_side=True)
                await tls.do_handshake()
                stream.encrypt(tls)
                return True
            if first:
                stream.lingers = True
                await stream.send_all(_told())
                await stream.send_eof()
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            return False
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await stream.aclose()
    return False


def _told() -> bytes:
    problem = Problem("bad-request", "This port speaks TLS: ask for https:// instead of http://.")
    body = msgspec.json.encode(problem.document("/"))
    head = (
        f"HTTP/1.1 400 Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
