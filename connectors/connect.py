"""The one way in: from a configured host to an endpoint that answers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from config.models import Host, LocalHost, TcpHost
from connectors.endpoint import Endpoint
from connectors.local import connect_local
from connectors.tcp import connect_tcp


@asynccontextmanager
async def connect(
    host: Host, *, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Endpoint]:
    """Open the way to a host's Engine and keep it open while the block runs.

    The block starts only when the way is up: the socket accepts, the TLS handshake is done, or SSH
    is authenticated and an Engine has answered through the tunnel.

    Raises:
        EngineError: a subclass that says what is wrong and the next step, within the host's
            `connect_timeout`.
    """
    if isinstance(host, LocalHost):
        way = connect_local(host)
    elif isinstance(host, TcpHost):
        way = connect_tcp(host, environ)
    else:
        from connectors.ssh import connect_ssh  # half a second that only SSH hosts should cost

        way = connect_ssh(host, environ)
    async with way as endpoint:
        yield endpoint
