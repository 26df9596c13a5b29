"""One connection to one host: how it is opened, and what everything that uses it works with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from config.models import Host
from connectors.connect import connect
from connectors.endpoint import Endpoint
from connectors.engine import Engine, open_engine
from connectors.errors import EngineError
from connectors.models import Version
from fleet.limits import Limits

# Of the few connections that some ways allow: one for events, one for the ping, one for logs, one
# for others.
KEPT_FREE = 4
STREAMS = 64  # events and logs, of one host

# Of several errors at once the most telling one is shown: a lost tunnel explains a failed request.
TELLING = (
    "host_key",
    "authentication",
    "tls",
    "protocol",
    "unreachable",
    "error",
    "api",
    "not_found",
)


@dataclass(frozen=True)
class Connected:
    """A host that answers.

    Attributes:
        host: Its configuration.
        endpoint: Where its Engine answers.
        engine: The client, negotiated.
        version: What the Engine said of itself.
        log_streams: Logs that may be read at a time.
    """

    host: Host
    endpoint: Endpoint
    engine: Engine
    version: Version
    log_streams: int = STREAMS - 1

    @property
    def name(self) -> str:
        """The host's name."""
        return self.host.name


@asynccontextmanager
async def open_connected(host: Host, limits: Limits) -> AsyncIterator[Connected]:
    """Connect to a host, for the length of a block, and agree on an API version.

    Only connecting takes a place among the dials of all hosts, not what follows.

    Raises:
        EngineError: It cannot be reached; also what goes wrong inside the block.
    """
    monitoring = host.monitoring
    async with AsyncExitStack() as stack:
        async with limits.dials:
            endpoint = await stack.enter_async_context(connect(host))
            client = open_engine(
                endpoint,
                limit=_limit(monitoring.connections_per_host, endpoint.max_connections),
                stream_limit=STREAMS,
                shared_limiter=limits.connections,
                connect_timeout=monitoring.connect_timeout,
                request_timeout=monitoring.request_timeout,
                traffic=limits.traffic,
            )
            engine = await stack.enter_async_context(client)
            version = await engine.negotiate()
        log_streams = STREAMS - 1 if endpoint.max_connections is None else 1
        yield Connected(host, endpoint, engine, version, log_streams)


def _limit(configured: int, possible: int | None) -> int:
    return configured if possible is None else max(1, min(configured, possible - KEPT_FREE))


def most_telling(group: BaseExceptionGroup[EngineError]) -> EngineError:
    """The one of several errors of the same host that says most about what happened."""
    return min(_leaves(group), key=lambda error: TELLING.index(error.kind))


def _leaves(group: BaseExceptionGroup[EngineError]) -> list[EngineError]:
    found: list[EngineError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
