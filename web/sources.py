"""What the handlers read from, hung on the application once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State

from web.access.desk import Desk
from web.access.model import Access, access_of
from web.access.roster import Roster
from web.attaching import attached
from web.config_documents import Configured
from web.exposition.answer import Exposition
from web.history import History
from web.holdings import Holdings
from web.live.source import LiveSource
from web.log_source import LogSource
from web.pages.drawn import Drawn
from web.pages.sparklines import Sparks
from web.problems import Problem
from web.read_model import ReadModel
from web.revp.rendering import Renderings
from web.routing import Routing
from web.streams import Streams

WebRequest = Request[Any, Any, State]


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The live fleet, places for streams; database, lines of logs and routes if there are any.

    None of `desk`, where tokens are made, `roster`, where accounts are, and `reload` is narrowed:
    they are for roles that act on the whole fleet. Who sees a part of it has neither `configured`
    nor `holdings`.
    """

    model: ReadModel
    history: History | None
    logs: LogSource | None
    streams: Streams
    settle: float  # seconds after which a line of a log that came in is stored
    routing: Routing | None
    renderings: Renderings
    previews: anyio.CapacityLimiter
    exposition: Exposition
    sparks: Sparks
    drawn: Drawn  # each row by all that it tells, so what is not seen is not told
    live: LiveSource | None = None
    desk: Desk | None = None
    roster: Roster | None = None
    reload: Callable[[], Awaitable[Any]] | None = None  # see web.reloading
    configured: Configured | None = None
    holdings: Holdings | None = None
    hosts: frozenset[str] | None = None  # those that are seen; None: all, and what is on none


Narrow = Callable[[Access | None], Sources]


def sources(request: ASGIConnection[Any, Any, Any, State]) -> Sources:
    """The sources of the application that answers this request, as far as who asks may see them."""
    narrow: Narrow = attached(request.scope, "narrow")
    return narrow(access_of(request))


def require_history(request: WebRequest) -> History:
    """The database.

    Raises:
        Problem: There is none (503).
    """
    return history_of(sources(request))


def history_of(source: Sources) -> History:
    """The same, of sources."""
    history = source.history
    if history is None:
        raise Problem("history-unavailable", "No database is in use, so there is no history.")
    return history


def require_routing(request: WebRequest) -> Routing:
    """The table of routes.

    Raises:
        Problem: None is kept (503).
    """
    routing = sources(request).routing
    if routing is None:
        raise Problem("routes-unavailable", "No table of routes is kept here.")
    return routing
