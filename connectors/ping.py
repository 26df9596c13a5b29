"""The smallest HTTP exchange: `GET /_ping`, to prove that an Engine answers at the other end."""

from __future__ import annotations

import re

import trio

REQUEST = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
LIMIT = 16_384  # bytes of an answer that are looked at
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?:\r\n|$)", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")


def status_of(answer: bytes) -> int | None:
    """Return the HTTP status of an answer, or None when it is not HTTP."""
    found = _STATUS.match(answer)
    return int(found.group(1)) if found else None


def _is_complete(answer: bytes) -> bool:
    """Tell whether nothing more will come, or matter: not all servers close when asked to."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    is_all = length is not None and len(body) >= int(length[1])
    return bool(end) and (is_all or status_of(answer) == 200)


async def ping_through(stream: trio.abc.Stream) -> bytes:
    """Send the request and return the answer as it came, at most `LIMIT` bytes of it.

    Raises:
        trio.BrokenResourceError: the connection broke; its cause says how.
    """
    await stream.send_all(REQUEST)
    answer = b""
    while len(answer) < LIMIT and not _is_complete(answer):
        part = await stream.receive_some(4096)
        if not part:
            break
        answer += part
    return answer
