"""Reads the body of a request, within bounds of size and time."""

from __future__ import annotations

import anyio

from web.problems import Problem
from web.sources import WebRequest

SECONDS = 10.0


async def read_body(request: WebRequest, most: int) -> bytes:
    """All of it.

    Raises:
        Problem: It is longer than `most` bytes (413), took too long (408), or was cut off (400).
    """
    body = bytearray()
    with anyio.move_on_after(SECONDS):
        while True:
            message = await request.receive()
            if message["type"] != "http.request":  # it left
                raise Problem("bad-request", "The body ended before its end.")
            body += message["body"]
            if len(body) > most:
                raise Problem("body-too-large", f"A body may have {most} bytes here.")
            if not message["more_body"]:
                return bytes(body)
    raise Problem("body-too-slow", f"The body was not whole after {SECONDS:.0f} seconds.")


def content_type(request: WebRequest) -> str:
    """The media type of the body, without parameters, in lower case; empty if none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
