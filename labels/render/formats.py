"""All formats that the table of routes can be rendered in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from labels.model import Table, Value
from labels.render import caddy, haproxy, nginx, prometheus, traefik
from labels.render.document import Rendered


class Renderer(Protocol):
    """Makes documents of one format with one set of options. It remembers parts of the last one.

    Not to be called by two threads at once.
    """

    def render(self, table: Table) -> Rendered:
        """The table as a whole document."""
        ...


class Format(Value, frozen=True, kw_only=True):
    """One format.

    Attributes:
        name: Its own, unique.
        path: Where it is served, under `/api/revp/`.
        media_type: The type of its documents.
        description: What reads it, and how.
        options: The type of its options; all have defaults.
        renderer: Makes a renderer from options of that type.
        own_url: The option that holds where the document is; unless given, the URL asked for.
    """

    name: str
    path: str
    media_type: str
    description: str
    options: type[Value]
    renderer: Callable[[Any], Renderer]
    own_url: str = ""


class HaproxyMap:
    """HAProxy's map as a document of its own."""

    def __init__(self, options: haproxy.Options) -> None:
        self._renderer = haproxy.Renderer(options)

    def render(self, table: Table) -> Rendered:
        """The map."""
        return self._renderer.render_map(table)


FORMATS: dict[str, Format] = {
    made.name: made
    for made in (
        Format(
            name="traefik",
            path="traefik",
            media_type="application/json",
            description="The dynamic configuration that Traefik's HTTP provider reads",
            options=traefik.Options,
            renderer=traefik.Renderer,
        ),
        Format(
            name="caddy",
            path="caddy",
            media_type="application/json",
            description="A whole configuration that Caddy pulls, or that is put to its /load",
            options=caddy.Options,
            renderer=caddy.Renderer,
            own_url="self_url",
        ),
        Format(
            name="haproxy",
            path="haproxy",
            media_type=haproxy.MEDIA_TYPE,
            description="A configuration of HAProxy, which needs the map beside it",
            options=haproxy.Options,
            renderer=haproxy.Renderer,
        ),
        Format(
            name="haproxy-map",
            path="haproxy/map",
            media_type=haproxy.MEDIA_TYPE,
            description="The map of domains and paths that HAProxy's configuration looks up in",
            options=haproxy.Options,
            renderer=HaproxyMap,
        ),
        Format(
            name="nginx",
            path="nginx",
            media_type=nginx.MEDIA_TYPE,
            description="A file that nginx includes in its http block",
            options=nginx.Options,
            renderer=nginx.Renderer,
        ),
        Format(
            name="prometheus",
            path="prometheus",
            media_type="application/json",
            description="Targets for Prometheus's HTTP service discovery",
            options=prometheus.Options,
            renderer=prometheus.Renderer,
        ),
    )
}
