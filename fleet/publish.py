"""Offers connected hosts to other programs of this user: `docker -H $(fleet env HOST) ps`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from pathlib import Path

from config.models import Config, Host, LocalHost
from connectors.endpoint import Endpoint
from connectors.relay import open_relay
from fleet.runtime import socket_path

log = logging.getLogger(__name__)


def publisher(config: Config) -> Callable[[Host, Endpoint], AbstractAsyncContextManager[None]]:
    """Make what a session calls while its host is connected.

    The folder must exist; see `fleet.runtime.open_runtime_dir`.
    """

    @asynccontextmanager
    async def publish(host: Host, endpoint: Endpoint) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(_offer(config, host, endpoint))
            except OSError as error:  # the host is watched all the same
                log.warning("%s: its socket is not offered: %s", host.name, error)
            yield

    return publish


@asynccontextmanager
async def _offer(config: Config, host: Host, endpoint: Endpoint) -> AsyncIterator[None]:
    path = socket_path(config, host.name)
    if isinstance(host, LocalHost):
        yield  # its own socket is as good
    elif endpoint.uds is not None:
        with _link(path, endpoint.uds):
            yield
    else:
        async with open_relay(endpoint, path):
            yield


@contextmanager
def _link(path: Path, target: Path) -> Iterator[None]:
    """A symbolic link to a tunnel's socket, for as long as the tunnel lives."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
