"""The web application as a whole."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ASGIApp, Receive, Scope, Send

from config.addresses import canonical, is_loopback
from web import container_history, containers, events, hosts, images, logs, metrics, page, program
from web.access import token_api
from web.access.admission import Admission
from web.access.csrf import guard_csrf
from web.access.desk import Desk
from web.access.entering import PEOPLE, Entrance
from web.access.guard import open_paths, require_role
from web.access.handlers import HANDLERS_OF_PEOPLE
from web.access.model import Authority
from web.access.narrowing import Narrowing
from web.access.static import default_authority
from web.correlation import Correlation
from web.exposition.answer import Collector, Exposition
from web.exposition.edge import edge_families
from web.exposition.handler import show_metrics
from web.exposition.http import HttpInstruments
from web.gate import LOOPBACK_NAMES, Gate
from web.history import History
from web.leaving import not_for_nobody
from web.limits.edge import Allowance, Edge
from web.limits.lockout import Lockouts
from web.listening import parse_listen
from web.live import handlers as live_handlers
from web.live.socket import serve_socket
from web.live.source import LiveSource
from web.log_source import LogSource
from web.parameters import refuse_undeclared
from web.problems import answer_exception
from web.read_model import ReadModel
from web.reloading import Reload, reload_config
from web.rest.allowed import telling_methods
from web.rest.answering import Answering, Versions
from web.rest.batch import show_stats_histories
from web.rest.docs import DOCS
from web.revp.handlers import HANDLERS_OF_ROUTES
from web.revp.rendering import Renderings
from web.routing import Routing
from web.schema import openapi_config
from web.sources import Sources
from web.streams import Streams

PREVIEWS = 2  # at once, each in a thread
HANDLERS = (
    page.show_page,
    program.show_fleet,
    program.show_alive,
    program.show_ready,
    hosts.list_hosts,
    hosts.show_host,
    hosts.show_health_history,
    hosts.show_host_stats_history,
    containers.list_containers,
    containers.show_container,
    containers.show_container_on,
    containers.show_stats,
    containers.show_stats_on,
    container_history.show_stats_history,
    container_history.show_stats_history_on,
    container_history.show_container_events,
    container_history.show_uptime,
    logs.search_logs,
    logs.show_logs,
    metrics.show_total,
    metrics.show_total_history,
    metrics.list_consumers,
    show_stats_histories,
    images.list_images,
    images.show_image,
    images.show_image_history,
    events.list_events,
    events.stream_events,
    live_handlers.stream_hosts,
    live_handlers.stream_containers,
    live_handlers.stream_stats,
    serve_socket,
    show_metrics,
    token_api.list_tokens,
    token_api.make_token,
    token_api.revoke_token,
    token_api.show_audit,
    reload_config,
    *HANDLERS_OF_ROUTES,
    *DOCS,
    *HANDLERS_OF_PEOPLE,
)


class Application:
    """An ASGI application: the gate, the router behind it, and the live streams to end.

    Attributes:
        streams: Who is streamed to.
        edge: What one client may take; asked about connections as well.
        http: What is counted of it.
    """

    def __init__(self, app: ASGIApp, streams: Streams, edge: Edge, http: HttpInstruments) -> None:
        self._app = app
        self.streams = streams
        self.edge = edge
        self.http = http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)


def create_app(
    read_model: ReadModel,
    history: History | None,
    logs_source: LogSource | None = None,
    *,
    routing: Routing | None = None,
    live: LiveSource | None = None,
    collector: Collector | None = None,
    listen: str = "127.0.0.1:8080",
    token: str | None = None,
    authority: Authority | None = None,
    entrance: Entrance | None = None,
    desk: Desk | None = None,
    reload: Reload | None = None,
    allowance: Allowance | None = None,
    max_streams: int = 256,
    heartbeat: float = 15.0,
    settle: float = 3.0,
    access_log: bool = False,
    traced: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    inmost: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> Application:
    """Build the application.

    Args:
        read_model: The live fleet.
        history: The database, or None where there is none.
        logs_source: Lines of logs as they come in, or None where none are collected.
        routing: The table of routes, or None where none is kept.
        live: Ledgers of hosts, containers and samples, or None where none are kept.
        collector: Metrics of the program and the fleet; None leaves the server's own.
        listen: Where it will be served; on loopback only the machine's own names are answered.
        token: Reads need it as a bearer token; where there is none, and no authority, only who
            asks on loopback may read.
        authority: Who knows what is needed, in place of that one token.
        desk: Where tokens are made and the audit is read; None where there is no database.
        reload: Reads the configuration anew; None where there is no file.
        entrance: Who lets people in; None: nobody logs in.
        allowance: What one client may take; None: as much as where nothing is configured.
        max_streams: Live streams at once.
        heartbeat: Seconds between signs of life on a silent stream.
        settle: Seconds after which a line of a log that came in is stored.
        access_log: Whether each request is a line of the log, else only at the level debug.
        traced: Puts a layer around all others: one that traces.
        inmost: Puts a layer around the router alone: within what checks, tags and compresses.
    """
    streams = Streams(max_streams, heartbeat)
    turns = anyio.CapacityLimiter(PREVIEWS)
    renderings = Renderings()
    http = HttpInstruments(streams)
    exposition = Exposition(http, collector)
    found = Sources(
        read_model,
        history,
        logs_source,
        streams,
        settle,
        routing,
        renderings,
        turns,
        exposition,
        live,
        desk,
        reload,
    )
    host = parse_listen(listen)[0]
    names = LOOPBACK_NAMES | {canonical(host)} if is_loopback(host) else None
    authority = authority or default_authority(token, names is not None)
    router = Litestar(
        route_handlers=HANDLERS,
        guards=[require_role, guard_csrf, refuse_undeclared],
        exception_handlers={Exception: answer_exception},
        state=State({"narrow": Narrowing(found, authority), PEOPLE: entrance}, deep_copy=False),
        openapi_config=openapi_config(read_model.fleet().version),
        logging_config=None,
    )
    versions: Versions = {"live": read_model.version}
    if routing is not None:
        versions = {**versions, "routes": routing.version}
    answering = Answering(not_for_nobody(inmost(telling_methods(router))), versions)
    admission = Admission(authority, open_paths(router))
    gate = Gate(http.around_router(answering), names, admission, has_login=entrance is not None)
    allowance = allowance or Allowance()
    edge = Edge(gate, allowance, Lockouts(allowance.wrong_credentials))
    http.others.append(lambda: edge_families(edge))
    correlated = Correlation(http.around_all(edge), access_log=access_log)
    return Application(traced(correlated), streams, edge, http)
