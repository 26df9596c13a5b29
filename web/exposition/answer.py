"""All metrics in one answer, made in parts so that nothing else waits for it."""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterable, Sequence
from copy import copy
from typing import Protocol

import anyio
import anyio.lowlevel
from anyio import to_thread
from litestar.types import Send

from web.exposition.http import HttpInstruments
from web.exposition.negotiation import OPENMETRICS, TEXT, wants_gzip, wants_openmetrics
from web.exposition.text import Family
from web.problems import Problem
from web.rest.encodings import GZIP_LEVEL, GZIP_WBITS

AT_A_TIME = 2  # as a pair of Prometheus asks; of twenty thousand containers, each holds 50 MB
LINES = 1000  # put together before others have their turn


class Collector(Protocol):
    """Where metrics come from, but for the server's own."""

    async def collect(self, among: Container[str] | None = None) -> Sequence[Family]:
        """All metrics now, or those of some hosts alone; others have their turn in between."""
        ...

    def own(self) -> Sequence[Family]:
        """Those of the program itself: few, and at once."""
        ...


class Exposition:
    """All metrics of the program.

    Args:
        http: The server's own.
        collector: All others; None where there are none.
    """

    def __init__(self, http: HttpInstruments, collector: Collector | None) -> None:
        self._http = http
        self._collector = collector
        self._places = anyio.CapacityLimiter(AT_A_TIME)
        self._threads = anyio.CapacityLimiter(1)
        self._hosts: Container[str] | None = None

    def within(self, hosts: Container[str]) -> Exposition:
        """The metrics of these hosts alone; places are shared."""
        part = copy(self)
        part._hosts = hosts
        return part

    def own(self) -> Sequence[Family]:
        """The metrics of the program itself; none for who sees only some hosts."""
        if self._hosts is not None:
            return ()
        found = () if self._collector is None else self._collector.own()
        return (*found, *self._http.shown())

    async def answer(self, accept: str, accept_encoding: str, send: Send) -> None:
        """Answer one scrape.

        Raises:
            Problem: So many scrapes are under way (503).
        """
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock as error:
            raise Problem(
                "too-many-scrapes",
                f"{AT_A_TIME} scrapes are under way. Scrape more rarely.",
                headers={"retry-after": "5"},
            ) from error
        try:
            await self._answer(accept, accept_encoding, send)
        finally:
            self._places.release()

    async def _answer(self, accept: str, accept_encoding: str, send: Send) -> None:
        openmetrics = wants_openmetrics(accept)
        headers = [
            (b"content-type", (OPENMETRICS if openmetrics else TEXT).encode()),
            (b"vary", b"accept, accept-encoding"),
        ]
        body = await self._render(openmetrics=openmetrics)
        if wants_gzip(accept_encoding):
            headers.append((b"content-encoding", b"gzip"))
            body = await to_thread.run_sync(compressed, body, limiter=self._threads)
        headers.append((b"content-length", str(sum(map(len, body))).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _render(self, *, openmetrics: bool) -> list[bytes]:
        found = [] if self._collector is None else await self._collector.collect(self._hosts)
        pieces: list[bytes] = []
        waiting: list[str] = []
        own = self._http.shown() if self._hosts is None else ()
        for family in (*found, *own):
            for part in family.parts(LINES, openmetrics=openmetrics):
                waiting += part
                if len(waiting) >= LINES:
                    pieces.append(_encoded(waiting))
                    waiting.clear()
                    await anyio.lowlevel.checkpoint()
        if openmetrics:
            waiting.append("# EOF\n")
        return [*pieces, _encoded(waiting)]


def _encoded(lines: list[str]) -> bytes:
    return "".join(lines).encode(errors="replace")


def compressed(pieces: Iterable[bytes]) -> list[bytes]:
    """The pieces as one gzip file."""
    zipping = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WBITS)
    return [*filter(None, map(zipping.compress, pieces)), zipping.flush()]
