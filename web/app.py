"""The web application as a whole."""

from __future__ import annotations

from functools import cache

import anyio
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

from config.addresses import canonical, is_loopback
from web import (
    container_history,
    containers,
    events,
    hosts,
    images,
    logs,
    metrics,
    program,
    settings,
)
from web.access import token_api, user_api
from web.access.admission import Admission
from web.access.csrf import guard_csrf
from web.access.guard import open_paths, require_role
from web.access.handlers import HANDLERS_OF_PEOPLE
from web.access.narrowing import Narrowing
from web.access.static import default_authority
from web.attaching import attaching
from web.correlation import Correlation
from web.exposition.answer import Exposition
from web.exposition.edge import edge_families
from web.exposition.handler import show_metrics
from web.exposition.http import HttpInstruments
from web.gate import LOOPBACK_NAMES, Gate
from web.leaving import not_for_nobody
from web.limits.edge import Edge
from web.limits.lockout import Lockouts
from web.listening import parse_listen
from web.live import handlers as live_handlers
from web.live.socket import serve_socket
from web.log_download import download_logs
from web.pages.assets import asset_handlers
from web.pages.drawn import Drawn
from web.pages.failing import answer_either
from web.pages.handlers import PAGES
from web.pages.sparklines import Sparks
from web.parameters import refuse_undeclared
from web.parts import Admitting, Serving, Shown
from web.reloading import reload_config
from web.rest.allowed import telling_methods
from web.rest.answering import Answering, Versions
from web.rest.batch import show_stats_histories
from web.rest.docs import DOCS
from web.revp.handlers import HANDLERS_OF_ROUTES
from web.revp.rendering import Renderings
from web.schema import openapi_config
from web.sources import Sources
from web.streams import Streams

PREVIEWS = 2  # at once, each in a thread
READERS, USUAL = Admitting(), Serving()
HANDLERS = (
    program.show_fleet,
    program.show_alive,
    program.show_ready,
    hosts.list_hosts,
    hosts.show_host,
    hosts.show_health_history,
    hosts.show_availability,
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
    logs.stream_logs,
    download_logs,
    metrics.show_total,
    metrics.show_total_history,
    metrics.show_hosts_history,
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
    settings.show_config,
    settings.show_storage,
    user_api.list_users,
    user_api.make_user,
    user_api.change_user,
    user_api.remove_user,
    user_api.make_link,
    user_api.log_out,
    *HANDLERS_OF_ROUTES,
    *DOCS,
    *HANDLERS_OF_PEOPLE,
    *PAGES,
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
    shown: Shown, admitting: Admitting = READERS, serving: Serving = USUAL
) -> Application:
    """Build the application.

    Args:
        shown: What answers are made of.
        admitting: Who may ask, how much, and for what beyond reading.
        serving: How answers are given.
    """
    streams = Streams(serving.max_streams, serving.heartbeat)
    http = HttpInstruments(streams)
    host = parse_listen(serving.listen)[0]
    names = LOOPBACK_NAMES | {canonical(host)} if is_loopback(host) else None
    authority = admitting.authority or default_authority(admitting.token, names is not None)
    found = _sources(shown, admitting, serving, streams, http)
    router = _router(shown.read_model.fleet().version)
    narrow = Narrowing(found, authority)
    attached = attaching(router, narrow=narrow, people=admitting.entrance)
    versions: Versions = {"live": shown.read_model.version}
    if shown.routing is not None:
        versions = {**versions, "routes": shown.routing.version}
    answering = Answering(
        not_for_nobody(serving.inmost(telling_methods(router, attached))), versions
    )
    admission = Admission(authority, open_paths(router))
    has_login = admitting.entrance is not None
    gate = Gate(answering, names, admission, has_login=has_login)
    lockouts = Lockouts(admitting.allowance.wrong_credentials, locked=admitting.locked)
    edge = Edge(gate, admitting.allowance, lockouts)
    http.others.append(lambda: edge_families(edge))
    correlated = Correlation(http.around_all(edge), access_log=serving.access_log)
    return Application(serving.traced(correlated), streams, edge, http)


def _sources(
    shown: Shown,
    admitting: Admitting,
    serving: Serving,
    streams: Streams,
    http: HttpInstruments,
) -> Sources:
    """All there is to ask for, before anybody's sight of it is narrowed."""
    return Sources(
        model=shown.read_model,
        history=shown.history,
        logs=shown.logs,
        streams=streams,
        settle=serving.settle,
        routing=shown.routing,
        renderings=Renderings(),
        previews=anyio.CapacityLimiter(PREVIEWS),
        exposition=Exposition(http, shown.collector),
        sparks=Sparks(shown.history, shown.read_model.host_labels),
        drawn=Drawn(),
        live=shown.live,
        desk=admitting.desk,
        roster=admitting.roster,
        configured=shown.configured,
        holdings=shown.holdings,
        reload=admitting.reload,
    )


@cache
def _router(version: str) -> Litestar:
    """Where each path leads: it knows nothing of what it is asked about, and takes long to make."""
    return Litestar(
        route_handlers=[*HANDLERS, *asset_handlers()],
        guards=[require_role, guard_csrf, refuse_undeclared],
        exception_handlers={Exception: answer_either},
        openapi_config=openapi_config(version),
        logging_config=None,
    )
