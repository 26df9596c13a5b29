"""An Engine behind SSH, offered as a private Unix socket on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import trio

from config.models import SshHost
from connectors.deadline import Stage, within_connect_timeout
from connectors.endpoint import Endpoint
from connectors.ssh_run import command_output
from connectors.ssh_thread import open_ssh_thread
from connectors.ssh_tunnel import open_tunnel


class _Loss:
    """Carries the end of the SSH connection from the loop's thread to trio."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._happened = trio.Event()
        self._reasons: list[str] = []

    def tell(self, reason: str) -> None:
        """Report the loss; called in the loop's thread. The first reason counts."""
        self._reasons.append(reason)
        self._token.run_sync_soon(self._happened.set)

    async def wait(self) -> str:
        """Wait for the loss and return why."""
        await self._happened.wait()
        return self._reasons[0]


@asynccontextmanager
async def connect_ssh(host: SshHost, environ: Mapping[str, str]) -> AsyncIterator[Endpoint]:
    """Yield a private socket through which an Engine has answered.

    `lost` of the endpoint returns why when the SSH connection, or that to a jump host, ends: at
    the latest `keepalive_interval * keepalive_count` seconds after the host fell silent.

    Raises:
        EngineError: unreachable, host key, authentication or protocol, with the next step.
    """
    stage = Stage("starting SSH")
    loss = _Loss()
    opening = partial(open_tunnel, host, environ, stage, loss.tell)
    async with AsyncExitStack() as stack:
        thread = await stack.enter_async_context(open_ssh_thread())
        with within_connect_timeout(host, stage):
            tunnel = await stack.enter_async_context(thread.hold(opening))

        async def run(words: Sequence[str]) -> str:
            async with thread.hold(partial(command_output, tunnel.sessions, words)) as output:
                return output

        yield Endpoint(
            host=host.name,
            uds=tunnel.path,
            via=tunnel.via,
            max_connections=tunnel.max_connections,
            place=f"{host.socket} at {host.target}",
            lost=loss.wait,
            run=run,
        )
