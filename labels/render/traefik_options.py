"""What may be chosen about a document for Traefik."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from labels.model import Value

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]


class Options(Value, frozen=True, kw_only=True):
    """Options of the document.

    Attributes:
        version: Traefik's: version 2 is 2.11, whose rules and weights are others.
        minor: The oldest 3.x that reads it: from 4 on `least_conn` and from 6 on `ip_hash` can be
            told to it.
        http_entrypoint: Traefik's name for its entry point on plain HTTP.
        https_entrypoint: The one on TLS.
        https_port: The port of `https_entrypoint` as clients see it: requests are sent there.
        certificate_resolver: For routes that name none. Empty: they get the certificate that
            Traefik has for the domain, else its default one.
        middleware_provider: Where middlewares are that labels name without a provider.
    """

    version: Literal[2, 3] = 3
    minor: Annotated[int, Meta(ge=0, le=99)] = 0
    http_entrypoint: Name = "web"
    https_entrypoint: Name = "websecure"
    https_port: Annotated[int, Meta(ge=1, le=65_535)] = 443
    certificate_resolver: Annotated[
        str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$", max_length=64)
    ] = ""
    middleware_provider: Name = "file"
