"""What may be chosen about a document for HAProxy. What HAProxy would refuse is refused here."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from labels.model import Value
from labels.render.plain_words import networks_of

Listen = Annotated[str, Meta(pattern=r"^(([0-9.]+|\[[0-9a-fA-F:.]+\]|\*):)?[0-9]{1,5}$")]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[float, Meta(ge=0.1, le=86_400)]
File = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_./@+=,~-]+)?$", max_length=500)]
Account = Annotated[str, Meta(pattern=r"^([a-z_][a-z0-9_-]*)?$")]


class Options(Value, frozen=True, kw_only=True):
    """Options of the document. All durations are seconds.

    Attributes:
        mode: `full`: a whole configuration; `backends`: only what is behind the frontends of
            another file, which uses the map.
        map: Where HAProxy finds the map of domains and paths.
        http: What to listen on, without TLS.
        https: The same with TLS.
        https_port: The port that clients reach `https` at, for redirects.
        certificate: A file with certificates and keys, or a folder of such; without it nothing is
            served on TLS, unless a frontend of another file does.
        redirect: Send plain requests to TLS where labels say so. Without it none is, as is right
            behind something else that ends TLS.
        acme_server: Who answers `/.well-known/acme-challenge/` on all domains, `127.0.0.1:8888`.
        ca_file: The authorities that certificates of backends are checked against; `@system-ca`
            are those of the system, from HAProxy 2.6 on.
        socket: Where the runtime API listens; also passes the listening sockets on a reload.
        user: Whom HAProxy runs as; empty: whoever starts it.
        group: The same of groups.
        log: Where it logs to; empty: nowhere.
        maxconn: Connections at once; 0: as many as HAProxy finds fit.
        trusted_proxies: Networks whose `X-Forwarded-*` headers are passed on to backends. Whoever
            else sends some is not believed: backends are told what HAProxy sees.
        skip_middlewares: Serve routes without the middlewares that their labels name. Otherwise
            they answer 503, as what is left out may be what guards them.
        retries: How often a request is tried again on other backends.
        retry_non_idempotent: Send also requests such as POST to another backend, when the first
            broke off after it got them.
        check_interval: How often the backends of a pool of several are connected to, to find those
            that are gone. A check of labels is in its place.
        connect_timeout: How long a connection to a backend may take.
        client_timeout: How long a client may be silent.
        server_timeout: How long a backend may be silent.
        tunnel_timeout: How long both may be, on WebSockets.
        hard_stop_after: How long old connections live after a reload.
    """

    mode: Literal["full", "backends"] = "full"
    map: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_./@+=,~-]+$", max_length=500)] = (
        "/etc/haproxy/hosts.map"
    )
    http: tuple[Listen, ...] = ("80", "[::]:80")
    https: tuple[Listen, ...] = ("443", "[::]:443")
    https_port: Port = 443
    certificate: File = ""
    redirect: bool = True
    acme_server: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_.-]+:[0-9]{1,5})?$")] = ""
    ca_file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_./@+=,~-]+$", max_length=500)] = "@system-ca"
    socket: File = "/run/haproxy/admin.sock"
    user: Account = "haproxy"
    group: Account = "haproxy"
    log: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_./:@-]+)?$")] = "/dev/log"
    maxconn: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    trusted_proxies: tuple[str, ...] = ()
    skip_middlewares: bool = False
    retries: Annotated[int, Meta(ge=0, le=100)] = 3
    retry_non_idempotent: bool = False
    check_interval: Seconds = 5.0
    connect_timeout: Seconds = 3.0
    client_timeout: Seconds = 60.0
    server_timeout: Seconds = 60.0
    tunnel_timeout: Seconds = 3600.0
    hard_stop_after: Seconds = 1800.0

    def __post_init__(self) -> None:
        """Refuse listening twice on one address.

        Raises:
            ValueError: An address is for both, or there is none, or a network is none.
        """
        if not self.http or not self.https:
            raise ValueError("http and https need an address each")
        if set(self.http) & set(self.https):
            raise ValueError("http and https listen on the same address")
        networks_of(self.trusted_proxies)

    @property
    def tls(self) -> bool:
        """Whether there is TLS, as far as can be known."""
        return bool(self.certificate) or self.mode == "backends"


def milliseconds(duration: float) -> str:
    """A duration as HAProxy writes it."""
    return f"{max(1, min(86_400_000, round(duration * 1000)))}ms"
