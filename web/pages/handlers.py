"""All pages and the streams that keep them live."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from web.pages import (
    container,
    containers_page,
    events,
    fleet,
    host,
    images,
    images_one,
    logs,
    palette,
    routes,
    routes_domain,
    routes_preview,
    settings,
    settings_access,
)

PAGES: tuple[HTTPRouteHandler, ...] = (
    container.show_container_page,
    container.stream_container_page,
    containers_page.show_containers_page,
    containers_page.stream_containers_page,
    events.show_events_page,
    events.stream_events_page,
    fleet.show_fleet_page,
    fleet.stream_fleet_page,
    host.show_host_page,
    host.stream_host_page,
    images.show_images_page,
    images.stream_images_page,
    images_one.show_image_page,
    images_one.stream_image_page,
    logs.show_logs_page,
    palette.show_hits,
    routes.show_routes_page,
    routes.stream_routes_page,
    routes_domain.show_domain_page,
    routes_domain.stream_domain_page,
    routes_preview.show_preview_page,
    settings.show_settings_page,
    settings.reload_from_page,
    settings.show_storage_page,
    settings.show_program_page,
    settings.stream_settings_page,
    settings_access.show_access_page,
    settings_access.change_access,
    settings_access.show_audit_page,
)
