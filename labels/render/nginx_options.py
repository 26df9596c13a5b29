"""What may be chosen about a document for nginx. What nginx would refuse is refused here."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from labels.model import Value
from labels.render.plain_words import networks_of

Listen = Annotated[str, Meta(pattern=r"^(([0-9.]+|\[[0-9a-fA-F:.]+\]|\*):)?[0-9]{1,5}$")]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[float, Meta(ge=0.1, le=86_400)]
File = Annotated[
    str, Meta(pattern=r"^(([A-Za-z0-9_./@+=,~-]|\{domain\}|\$ssl_server_name)+)?$", max_length=500)
]
Folder = Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9_./@+=,~-]*)?$", max_length=500)]


class Options(Value, frozen=True, kw_only=True):
    """Options of the document. All durations are seconds.

    Attributes:
        http: What to listen on, without TLS.
        https: The same with TLS.
        https_port: The port that clients reach `https` at, for redirects.
        http2: Offer HTTP/2 on TLS.
        certificate: The file with a domain's certificate and chain; without it nothing is served
            on TLS. `{domain}` stands for the domain (`_.example.com` for `*.example.com`), and its
            file must exist; `$ssl_server_name` is read by nginx at each handshake.
        certificate_key: The file with its key, in the same way.
        default_server: Answer requests for any other domain with 404. Without it another file says
            what becomes of them.
        redirect: Send plain requests to TLS where labels say so. Without it none is, as is right
            behind something else that ends TLS.
        names_hash: Make room for many and long domains; nginx refuses it where another file does.
        acme_root: The folder that `/.well-known/acme-challenge/` is served from, on all domains.
        ca_file: The authorities that certificates of backends are checked against.
        without: Addresses of backends that are left out, as names that do not resolve would make
            nginx refuse the whole document.
        trusted_proxies: Networks whose `X-Forwarded-*` headers are passed on to backends. Whoever
            else sends some is not believed: backends are told what nginx sees.
        skip_middlewares: Serve routes without the middlewares that their labels name. Otherwise
            they answer 503, as what is left out may be what guards them.
        connect_timeout: How long a connection to a backend may take.
        read_timeout: How long a backend may be silent.
        tunnel_timeout: The same for routes with WebSockets.
        max_fails: After how many failures a backend is passed over; 0: never.
        fail_timeout: How long it is passed over, and within what time failures count.
        keepalive: Idle connections kept to each pool, by each worker; 0: none.
        max_body: The largest body of a request, as nginx writes it (`10m`); 0: any.
        retry_non_idempotent: Send also requests such as POST to another backend, when the first
            broke off after it got them.
    """

    http: tuple[Listen, ...] = ("80", "[::]:80")
    https: tuple[Listen, ...] = ("443", "[::]:443")
    https_port: Port = 443
    http2: bool = True
    certificate: File = ""
    certificate_key: File = ""
    default_server: bool = True
    redirect: bool = True
    names_hash: bool = True
    acme_root: Folder = ""
    ca_file: Annotated[str, Meta(pattern=r"^/[A-Za-z0-9_./@+=,~-]+$", max_length=500)] = (
        "/etc/ssl/certs/ca-certificates.crt"
    )
    without: tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]+$")], ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    skip_middlewares: bool = False
    connect_timeout: Seconds = 3.0
    read_timeout: Seconds = 60.0
    tunnel_timeout: Seconds = 3600.0
    max_fails: Annotated[int, Meta(ge=0, le=1000)] = 1
    fail_timeout: Annotated[int, Meta(ge=1, le=86_400)] = 10
    keepalive: Annotated[int, Meta(ge=0, le=10_000)] = 16
    max_body: Annotated[str, Meta(pattern=r"^[0-9]{1,9}[kmgKMG]?$")] = "0"
    retry_non_idempotent: bool = False

    def __post_init__(self) -> None:
        """Refuse what is only half said.

        Raises:
            ValueError: A certificate is without a key, nothing is listened on, or a network is
                none.
        """
        if bool(self.certificate) != bool(self.certificate_key):
            raise ValueError("certificate and certificate_key go together")
        if not self.http or not self.https:
            raise ValueError("http and https need an address each")
        if set(self.http) & set(self.https):
            raise ValueError("http and https listen on the same address")
        networks_of(self.trusted_proxies)


def milliseconds(duration: float) -> str:
    """A duration as nginx and HAProxy write it."""
    return f"{max(1, round(duration * 1000))}ms"
