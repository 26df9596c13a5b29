"""What the application is made of: what it shows, who may ask, and how it is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field

from litestar.types import ASGIApp

from web.access.desk import Desk
from web.access.entering import Entrance
from web.access.model import Authority
from web.access.roster import Roster
from web.config_documents import Configured
from web.exposition.answer import Collector
from web.history import History
from web.holdings import Holdings
from web.limits.edge import Allowance
from web.limits.lockout import Locked
from web.live.source import LiveSource
from web.log_source import LogSource
from web.read_model import ReadModel
from web.reloading import Reload
from web.routing import Routing


@dataclass(frozen=True)
class Shown:
    """What answers are made of; None where there is no such thing here.

    Attributes:
        read_model: The live fleet.
        history: The database.
        logs: Lines of logs as they come in.
        routing: The table of routes.
        live: Ledgers of hosts, containers and samples.
        collector: Metrics of the program and the fleet; without it there are the server's own.
        configured: The configuration in force.
        holdings: Looks into the database as a whole.
    """

    read_model: ReadModel
    history: History | None = None
    logs: LogSource | None = None
    _: KW_ONLY
    routing: Routing | None = None
    live: LiveSource | None = None
    collector: Collector | None = None
    configured: Configured | None = None
    holdings: Holdings | None = None


@dataclass(frozen=True, kw_only=True)
class Admitting:
    """Who may ask, how much, and for what beyond reading.

    Attributes:
        token: Reads need it as a bearer token; where there is none, and no authority, only who
            asks on loopback may read.
        authority: Who knows what is needed, in place of that one token.
        entrance: Who lets people in; None: nobody logs in.
        desk: Where tokens are made and the audit is read; None where there is no database.
        roster: Where accounts are made and changed; None where there is no database.
        reload: Reads the configuration anew; None where there is no file.
        allowance: What one client may take.
        locked: Told of each client that has to wait; see `Lockouts`.
    """

    token: str | None = None
    authority: Authority | None = None
    entrance: Entrance | None = None
    desk: Desk | None = None
    roster: Roster | None = None
    reload: Reload | None = None
    allowance: Allowance = field(default_factory=Allowance)
    locked: Locked | None = None


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How answers are given.

    Attributes:
        listen: Where it will be served; on loopback only the machine's own names are answered.
        max_streams: Live streams at once.
        heartbeat: Seconds between signs of life on a silent stream.
        settle: Seconds after which a line of a log that came in is stored.
        access_log: Whether each request is a line of the log, else only at the level debug.
        traced: Puts a layer around all others: one that traces.
        inmost: Puts a layer around the router alone: within what checks, tags and compresses.
    """

    listen: str = "127.0.0.1:8080"
    max_streams: int = 256
    heartbeat: float = 15.0
    settle: float = 3.0
    access_log: bool = False
    traced: Callable[[ASGIApp], ASGIApp] = lambda app: app
    inmost: Callable[[ASGIApp], ASGIApp] = lambda app: app
