"""Live changes of routes to one client as server-sent events, resumed from memory.

The id of a change is its revision and a mark of its route, as one revision may hold many changes:
who is cut off between two of them is sent the rest. A bare revision as `Last-Event-ID`, such as a
document has, means that all of it is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b

import anyio
import msgspec
from litestar.types import Receive, Scope, Send

from labels.model import Change
from web.documents import GapDocument
from web.revp.describing import describe_change
from web.routing import ChangeSubscription, Routing
from web.sse import RETRY_MS, Write, answer_stream
from web.streams import Streams

MOST_HELD = 10_000  # asked of memory; it holds fewer
_ID = re.compile(r"([0-9]{1,18})(?:-([0-9a-f]{8}))?")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a client left off: in this revision at the change of this mark, or behind all of it."""

    revision: int
    mark: str | None = None

    @property
    def after(self) -> int:
        """All changes of this revision and before are known to the client."""
        return self.revision if self.mark is None else self.revision - 1

    def __str__(self) -> str:
        return f"{self.revision}" if self.mark is None else f"{self.revision}-{self.mark}"


def place_of(change: Change) -> Place:
    """Where a client is that got this change."""
    route = f"{change.domain}{change.path}".encode()
    return Place(revision=change.revision, mark=blake2b(route, digest_size=4).hexdigest())


def parse_place(header: str | None) -> Place | None:
    """Read `Last-Event-ID`; None without one. Rubbish is a place long ago."""
    if not header:
        return None
    match = _ID.fullmatch(header.strip())
    return Place(revision=int(match[1]), mark=match[2]) if match else _LONG_AGO


_LONG_AGO = Place(revision=-1)  # so that a gap is told


class ChangeStream:
    """An ASGI application that answers one request with a stream of changes."""

    def __init__(
        self,
        routing: Routing,
        streams: Streams,
        matches: Callable[[Change], bool],
        last_event_id: str | None,
    ) -> None:
        self._routing = routing
        self._streams = streams
        self._matches = matches
        self._known = parse_place(last_event_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Stream until the client leaves or the server ends."""
        await answer_stream(self._streams, receive, send, self._feed)

    async def _feed(self, write: Write) -> None:
        known = self._known
        if known is not None and known.revision > self._routing.table().revision:
            known = _LONG_AGO  # revisions began anew
        async with self._routing.follow(None if known is None else known.after) as subscription:
            gap = known is not None and (subscription.dropped > 0 or not self._held(known))
            place = self._beginning(gap) if known is None or gap else known
            await write(f"retry: {RETRY_MS}\n".encode() + _id(place) + b"\n")
            if gap:
                told = "away too long, or fleet was restarted"
                await write(_gap(GapDocument(missed=None, reason=told)))
            await self._pass_on(subscription, place, write)

    def _beginning(self, all_held: bool) -> Place:
        """Where a client begins that is sent all that memory holds, or only what comes."""
        held = self._routing.recent_changes(MOST_HELD) if all_held else ()
        revision = held[0].revision - 1 if held else self._routing.table().revision
        return Place(revision=revision)

    def _held(self, known: Place) -> bool:
        """Whether memory holds the change at which the client left off."""
        return known.mark is None or known in map(place_of, self._routing.recent_changes(MOST_HELD))

    async def _pass_on(self, subscription: ChangeSubscription, place: Place, write: Write) -> None:
        skipped = None if place.mark is None else place  # up to this, as the client has it
        dropped = subscription.dropped
        while True:
            change: Change | None = None
            with anyio.move_on_after(self._streams.heartbeat):
                change = await subscription.next()
            if change is None:
                await write(b": heartbeat\n" + _id(place) + b"\n")
                continue
            if subscription.dropped > dropped:
                missed, dropped = subscription.dropped - dropped, subscription.dropped
                await write(_gap(GapDocument(missed=missed, reason="too slow")))
                skipped = None
            here = place_of(change)
            if skipped is not None:
                skipped = None if here == skipped else skipped
                continue
            place = here
            if self._matches(change):
                data = msgspec.json.encode(describe_change(change))
                await write(_id(place) + b"data: " + data + b"\n\n")


def _id(place: Place) -> bytes:
    return f"id: {place}\n".encode()


def _gap(gap: GapDocument) -> bytes:
    return b"event: gap\ndata: " + msgspec.json.encode(gap) + b"\n\n"
