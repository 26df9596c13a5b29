"""What may be chosen about a document for Caddy. What Caddy would refuse is refused here."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from msgspec import Meta

from labels.model import Value

Port = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[float, Meta(ge=0.1, le=86_400)]


class Options(Value, frozen=True, kw_only=True):
    """Options of the document. All durations are seconds.

    Attributes:
        version: The oldest Caddy that is to read it: `2.6` is read by all of them; `2.8` and
            `current` have exact weights and keep WebSockets over a change of configuration.
        https: Where certificates come from: `auto`: from a public authority; `internal`: from
            Caddy's own; `off`: all is served on plain HTTP, something else ends TLS.
        listen: The address that both ports are opened on; empty: all.
        http_port: Where plain requests come in.
        https_port: Where requests on TLS come in; redirects lead there.
        admin: Where Caddy's admin API listens (`off`: nowhere). Repeat what the first file says.
        self_url: Where Caddy gets its next document, over HTTP the URL that was asked for; empty:
            it does not ask for another. `{env.FLEET_URL}` is Caddy's to fill in.
        load_delay: How long Caddy waits between two documents.
        load_timeout: How long one answer may take. It also ends connections that 2.6 leaks.
        token_env: The environment variable of Caddy that holds the token for `self_url`.
        email: For the account at the public authority.
        trusted_proxies: Networks whose `X-Forwarded-*` headers are believed.
        skip_middlewares: Serve routes without the middlewares that their labels name. Otherwise
            they answer 503, as what is left out may be what guards them.
        access_log: Log requests, to where Caddy logs.
        try_duration: How long another backend is looked for when one cannot be connected to.
        fail_duration: How long such a backend is passed over.
        dial_timeout: How long a connection to a backend may take.
        stream_close_delay: How long WebSockets outlive a change of configuration (not in 2.6).
    """

    version: Literal["2.6", "2.8", "current"] = "2.6"
    https: Literal["auto", "internal", "off"] = "auto"
    listen: str = ""
    http_port: Port = 80
    https_port: Port = 443
    admin: Annotated[
        str, Meta(pattern=r"^(off|[A-Za-z0-9.\-]+:\d{1,5}|\[[0-9a-f:]+\]:\d{1,5})$")
    ] = "localhost:2019"
    self_url: Annotated[str, Meta(pattern=r"^$|^https?://\S+$|^\{env\.\w+\}$")] = ""
    load_delay: Seconds = 5.0
    load_timeout: Seconds = 10.0
    token_env: Annotated[str, Meta(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    email: Annotated[str, Meta(pattern=r"^([^\s@{}]+@[^\s@{}]+)?$")] = ""
    trusted_proxies: tuple[str, ...] = ()
    skip_middlewares: bool = False
    access_log: bool = False
    try_duration: Seconds = 5.0
    fail_duration: Seconds = 10.0
    dial_timeout: Seconds = 2.0
    stream_close_delay: Seconds = 300.0

    def __post_init__(self) -> None:
        """Refuse addresses and networks that are none.

        Raises:
            ValueError: An address is not one, or both ports are the same.
        """
        if self.listen:
            ipaddress.ip_address(self.listen)
        for network in self.trusted_proxies:
            ipaddress.ip_network(network, strict=False)
        if self.http_port == self.https_port and self.https != "off":
            raise ValueError("http_port and https_port are the same")

    @property
    def dated(self) -> bool:
        """Whether it must be read by Caddy 2.6."""
        return self.version == "2.6"

    def address(self, port: int) -> str:
        """What to listen on."""
        host = f"[{self.listen}]" if ":" in self.listen else self.listen
        return f"{host}:{port}"


def seconds(duration: float) -> str:
    """A duration as Caddy writes it, exact to the millisecond."""
    return f"{round(duration * 1000)}ms"
