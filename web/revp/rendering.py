"""Documents for proxies, each made once for a state of the table, by one thread at a time.

Proxies ask often, and some ask ten times in a row, so what was made is kept: with its renderer,
which makes only the changed routes anew. Making a big one takes longer than other requests should
wait, so it is done in a thread; the table is a value and may be read there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import anyio
import msgspec
from anyio import to_thread

from labels.model import Route, Table, Value
from labels.render.document import Memo, Rendered
from labels.render.formats import Format
from web.revp.selecting import RouteFilter, cut

MOST_KEPT = 32
MOST_BYTES = 64 * 1024 * 1024  # of documents; what their renderers remember is a few times that


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """A document, the table that it was made of, and how many of its routes were wanted."""

    table: Table
    routes: int
    rendered: Rendered


class Renderings:
    """What was made last, by format, options and filter; those used least are let go.

    Args:
        most: How many are kept.
        most_bytes: How long they may be together; one is kept in any case.
    """

    def __init__(self, most: int = MOST_KEPT, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, Value, RouteFilter], _Kept] = OrderedDict()
        self._threads = anyio.CapacityLimiter(1)  # Python runs one at a time anyway

    def __len__(self) -> int:
        return len(self._kept)

    async def render(
        self, made: Format, options: Value, wanted: RouteFilter, table: Callable[[], Table]
    ) -> Rendering:
        """The document of the table as it is when its turn comes.

        Who asks for what is being made waits for it, and makes nothing himself.
        """
        key = (made.name, options, wanted)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept(made, options, wanted)
        self._kept.move_to_end(key)
        self._let_go()
        async with kept.turn:
            return await kept.of(table(), self._threads)

    def _let_go(self) -> None:
        while len(self._kept) > 1 and (
            len(self._kept) > self._most
            or sum(kept.size for kept in self._kept.values()) > self._most_bytes
        ):
            self._kept.popitem(last=False)


class _Kept:
    def __init__(self, made: Format, options: Value, wanted: RouteFilter) -> None:
        self.turn = anyio.Lock()
        self._renderer = made.renderer(options)
        self._wanted = wanted
        self._cuts: Memo[Route | None] = Memo()
        self._rendering: Rendering | None = None

    @property
    def size(self) -> int:
        """Bytes of the document."""
        return 0 if self._rendering is None else len(self._rendering.rendered.body)

    async def of(self, table: Table, threads: anyio.CapacityLimiter) -> Rendering:
        if self._rendering is None or self._rendering.table is not table:
            # A cancelled wait lets the thread end all the same: a renderer is never used twice.
            self._rendering = await to_thread.run_sync(self._make, table, limiter=threads)
        return self._rendering

    def _make(self, table: Table) -> Rendering:
        part = cut(table, self._wanted, self._cuts)
        rendered = self._renderer.render(part)
        return Rendering(table=table, routes=len(part.routes), rendered=rendered)
