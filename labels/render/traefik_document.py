"""The pieces of Traefik's dynamic configuration that we write, as its own types have them.

What has its default is left out: Traefik refuses empty maps, and fields that its version lacks.
"""

from __future__ import annotations

import msgspec


class Piece(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    gc=False,  # no piece refers back to one that holds it
):
    """Base of the pieces."""


class Domain(Piece, frozen=True, kw_only=True):
    """A name that a certificate is asked for."""

    main: str


class Tls(Piece, frozen=True, kw_only=True):
    """Of a router: it serves TLS. It may be empty, as few pieces may."""

    cert_resolver: str = ""
    domains: tuple[Domain, ...] = ()


class Router(Piece, frozen=True, kw_only=True):
    """Which requests go where."""

    entry_points: tuple[str, ...]
    rule: str
    priority: int
    service: str
    middlewares: tuple[str, ...] = ()
    tls: Tls | None = None


class StripPrefix(Piece, frozen=True, kw_only=True):
    """Takes one of the prefixes off the path."""

    prefixes: tuple[str, ...]


class StripPrefixRegex(Piece, frozen=True, kw_only=True):
    """Takes what a pattern matches off the path's beginning."""

    regex: tuple[str, ...]


class Headers(Piece, frozen=True, kw_only=True):
    """Sets headers of the request; one that is empty is taken off."""

    custom_request_headers: dict[str, str]


class RedirectScheme(Piece, frozen=True, kw_only=True):
    """Answers with the same URL under another scheme. `port` empty: the scheme's own."""

    scheme: str
    port: str = ""
    permanent: bool = False


class Retry(Piece, frozen=True, kw_only=True):
    """Sends a request that reached no backend to another one; `attempts` are all of them."""

    attempts: int


class Middleware(Piece, frozen=True, kw_only=True):
    """One of these."""

    strip_prefix: StripPrefix | None = None
    strip_prefix_regex: StripPrefixRegex | None = None
    headers: Headers | None = None
    redirect_scheme: RedirectScheme | None = None
    retry: Retry | None = None


class Server(Piece, frozen=True, kw_only=True):
    """One backend. `weight` is of version 3."""

    url: str
    weight: int | None = None


class HealthCheck(Piece, frozen=True, kw_only=True):
    """How Traefik checks backends. `status` is of version 3; durations are Go's."""

    path: str
    interval: str
    timeout: str
    follow_redirects: bool
    hostname: str = ""
    status: int | None = None


class LoadBalancer(Piece, frozen=True, kw_only=True):
    """Backends, and how they are asked. `strategy` is of 3.4."""

    servers: tuple[Server, ...]
    pass_host_header: bool
    servers_transport: str = ""
    health_check: HealthCheck | None = None
    strategy: str = ""


class Share(Piece, frozen=True, kw_only=True):
    """One service of a weighted one."""

    name: str
    weight: int


class Aware(Piece, frozen=True, kw_only=True):
    """What children find of their backends counts for the whole. It is always empty."""


class Weighted(Piece, frozen=True, kw_only=True):
    """Services, and how much of the requests each gets."""

    services: tuple[Share, ...]
    health_check: Aware | None = None


class Service(Piece, frozen=True, kw_only=True):
    """One of these."""

    load_balancer: LoadBalancer | None = None
    weighted: Weighted | None = None


class ServersTransport(Piece, frozen=True, kw_only=True):
    """How backends are connected to."""

    insecure_skip_verify: bool
