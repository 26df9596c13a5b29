"""All pages and the streams that keep them live."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from web.pages import container, fleet, logs, palette

PAGES: tuple[HTTPRouteHandler, ...] = (
    container.show_container_page,
    container.stream_container_page,
    fleet.show_fleet_page,
    fleet.stream_fleet_page,
    logs.show_logs_page,
    palette.show_hits,
)
