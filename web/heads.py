"""Heads of requests that are read in one way only, and are of bounded size.

h11 is lenient where RFC 9112 allows it. A proxy in front may read the same bytes otherwise, and
what two programs read differently smuggles one request in another; so such heads are refused.
"""

from __future__ import annotations

import h11

MAX_HEAD = 16 * 1024  # bytes, with the request line
MAX_TARGET = 8 * 1024
MAX_HEADERS = 100
_ASCII_ONLY = frozenset({b"connection", b"upgrade", b"sec-websocket-protocol"})  # taken apart later


class StrictConnection(h11.Connection):
    """A server's h11 connection that raises for the head of a request that it would let pass.

    Attributes:
        refused: It did.
    """

    refused = False

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event.

        Raises:
            h11.RemoteProtocolError: What came is no request that is taken here.
        """
        if self.their_state is not h11.IDLE:
            return super().next_event()
        before = self.trailing_data[0]
        event = super().next_event()
        if isinstance(event, h11.Request):
            read = len(before) - len(self.trailing_data[0])
            if fault := fault_in_head(before[:read], event):
                self.refused = True
                raise h11.RemoteProtocolError(fault[1], error_status_hint=fault[0])
        return event


def fault_in_head(head: bytes, request: h11.Request) -> tuple[int, str] | None:
    """The status that the head of a request is refused with, and why; None: it is fine.

    Args:
        head: As it came, with the empty line at its end.
        request: What h11 made of it.
    """
    if request.http_version not in (b"1.0", b"1.1"):
        return 505, "only HTTP/1.0 and HTTP/1.1 are spoken"
    if len(request.target) > MAX_TARGET:
        return 414, "the target is too long"
    if len(head) > MAX_HEAD or len(request.headers) > MAX_HEADERS:
        return 431, "the head is too large"
    if head.count(b"\n") != head.count(b"\r\n"):
        return 400, "a line ends without a carriage return"
    if b"\n " in head or b"\n\t" in head:
        return 400, "a header goes on in another line"
    return _fault_in_headers(request)


def _fault_in_headers(request: h11.Request) -> tuple[int, str] | None:
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" in names:
        if b"content-length" in names:
            return 400, "the body has two lengths"
        if request.http_version == b"1.0":
            return 400, "HTTP/1.0 has no Transfer-Encoding"
    if any(name in _ASCII_ONLY and not value.isascii() for name, value in request.headers):
        return 400, "a header has bytes beyond ASCII"
    return None
