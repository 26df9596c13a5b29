"""Regions of a page that are kept live: what changed of them is sent as HTML, and morphed in.

A page is drawn with all its regions. Its stream draws them again when something changed, at most
once a second, and sends those whose HTML is another one now. Its ids are digests of all regions, so
a browser that comes with the digest of what it shows is sent nothing until something changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import NamedTuple, Protocol

import anyio
from litestar.types import Receive, Scope, Send
from markupsafe import Markup

from web.sse import RETRY_MS, Write, answer_stream
from web.streams import Streams

PACE = 1.0  # seconds between two looks, at least: eyes need no more
LOOK = 5.0  # seconds after which it is drawn again though no ledger changed: storage, times, routes
EVENT = "regions"
BEAT = b"event: beat\ndata: 1\n\n"  # no comment: a page is to see that its stream lives
KNOWN = 4_096  # elements whose digests are remembered, as most are the same at the next look
SHORT = 4_096  # characters of an element of which that is worth its memory


@dataclass(frozen=True, kw_only=True)
class Region:
    """One element of a page.

    Where its `rows` stay the same in number and order only those that changed are sent, each as
    an element of its own.

    Attributes:
        id: Of the element.
        html: The element without its rows, with `hx-swap-oob="morph"`; `{rows}` says where they go.
        rows: Elements within, by their ids, each with `hx-swap-oob="morph"`.
        framing: It stands around what the page shows, on every page: it is no part of the digest,
            so who begins to follow a page is sent it at once.
    """

    id: str
    html: str
    rows: Mapping[str, str] = field(default_factory=dict)
    framing: bool = False

    def __html__(self) -> str:
        """The whole element, for templates."""
        return (
            self.html.replace("{rows}", "".join(self.rows.values()), 1)
            if self.rows
            else (self.html.replace("{rows}", "", 1))
        )

    def since(self, before: Region | None) -> Iterator[str]:
        """The elements to send to who has an earlier drawing of it."""
        if before is None or before.html != self.html or [*before.rows] != [*self.rows]:
            yield self.__html__()
            return
        for name, row in self.rows.items():
            if before.rows[name] != row:
                yield row


Draw = Callable[[], Sequence[Region]]


class Changing(Protocol):
    """What a page is drawn from, as far as it tells that it changed: a ledger, say."""

    @property
    def version(self) -> int:
        """The number of the last change."""
        ...

    async def beyond(self, version: int) -> None:
        """Wait until something changed after a version."""
        ...


def digest(regions: Sequence[Region]) -> str:
    """A word that tells one drawing from another."""
    made = hashlib.blake2b(digest_size=12)
    for region in regions:
        if not region.framing:
            for element in (region.html, *region.rows.values()):
                made.update(_remembered(element) if len(element) <= SHORT else _digest(element))
    return made.hexdigest()


def _digest(html: str) -> bytes:
    return hashlib.blake2b(html.encode(), digest_size=12).digest()


_remembered = lru_cache(maxsize=KNOWN)(_digest)


def as_event(elements: Sequence[str], name: str) -> bytes:
    """A server-sent event with HTML in it."""
    # A row of a table stands alone only in a template.
    wrapped = [
        f"<template>{each}</template>" if each.startswith("<tr") else each for each in elements
    ]
    lines = "\n".join(wrapped).splitlines()
    data = "".join(f"data: {line}\n" for line in lines)
    return f"event: {EVENT}\nid: {name}\n{data}\n".encode()


class Look(NamedTuple):
    """One drawing: its regions by their ids, its digest, and the elements that are new in it."""

    regions: Mapping[str, Region]
    name: str
    elements: Sequence[str]


class RegionStream:
    """An ASGI application that keeps the regions of one page live.

    Args:
        streams: Places for streams.
        draw: Draws all regions, as of now.
        ledgers: A change of any of them may change the page.
        seen: The digest of what the browser shows; None where it is not known.
        prepare: Asked before each drawing, for what is read from elsewhere.
    """

    def __init__(
        self,
        streams: Streams,
        draw: Draw,
        ledgers: Sequence[Changing],
        seen: str | None,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._streams = streams
        self._draw = draw
        self._ledgers = ledgers
        self._seen = seen
        self._prepare = prepare

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Stream until the client leaves or the server ends."""
        await answer_stream(self._streams, receive, send, self._feed)

    async def _feed(self, write: Write) -> None:
        await write(f"retry: {RETRY_MS}\n\n".encode())
        before: Mapping[str, Region] = {}
        spoken = anyio.current_time()
        while True:
            versions = [ledger.version for ledger in self._ledgers]
            if self._prepare is not None:
                await self._prepare()
            found = await self._streams.drawing.do(partial(self._look, before))
            before = found.regions
            if found.elements:
                await write(as_event(found.elements, found.name))
                spoken = anyio.current_time()
            elif anyio.current_time() - spoken >= self._streams.heartbeat:
                await write(BEAT)
                spoken = anyio.current_time()
            await anyio.sleep(PACE)
            with anyio.move_on_after(min(LOOK, self._streams.heartbeat)):
                await _beyond(self._ledgers, versions)

    def _look(self, before: Mapping[str, Region]) -> Look:
        """Draw, and compare with an earlier drawing."""
        regions = self._draw()
        name = digest(regions)
        if not before and name == self._seen:
            before = {region.id: region for region in regions if not region.framing}
        elements = [e for region in regions for e in region.since(before.get(region.id))]
        return Look({region.id: region for region in regions}, name, elements)


async def _beyond(ledgers: Sequence[Changing], versions: Sequence[int]) -> None:
    """Wait until any of the ledgers changed after its version."""
    if not ledgers:
        await anyio.sleep_forever()

    async def wait(ledger: Changing, version: int) -> None:
        await ledger.beyond(version)
        waiting.cancel_scope.cancel()

    async with anyio.create_task_group() as waiting:
        for ledger, version in zip(ledgers, versions, strict=True):
            waiting.start_soon(wait, ledger, version)


def opening(path: str, regions: Sequence[Region]) -> Markup:
    """The attributes of the element around live regions, which open their stream.

    Args:
        path: Of the stream, with its query.
        regions: As the page shows them.
    """
    mark = "&" if "?" in path else "?"
    return Markup('sse-connect="{}{}seen={}" sse-swap="{}" hx-swap="none"').format(
        path, mark, digest(regions), EVENT
    )
