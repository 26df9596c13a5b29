"""An Engine on this machine's Unix socket."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from config.models import LocalHost
from connectors.deadline import Stage, within_connect_timeout
from connectors.endpoint import Endpoint
from connectors.errors import AuthenticationError, EngineError, UnreachableError
from connectors.local_user import local_user


@asynccontextmanager
async def connect_local(host: LocalHost) -> AsyncIterator[Endpoint]:
    """Yield the socket once it has accepted a connection.

    Raises:
        UnreachableError: there is no socket, or nobody listens on it.
        AuthenticationError: our user may not open it.
    """
    with within_connect_timeout(host, Stage()):
        await _try_socket(host)
    yield Endpoint(host=host.name, uds=host.socket)


async def _try_socket(host: LocalHost) -> None:
    try:
        found = await trio.Path(host.socket).stat()
        if not stat.S_ISSOCK(found.st_mode):
            hint = "set `socket` to the Engine's socket"
            raise UnreachableError(host.name, f"{host.socket} is not a socket", hint)
        with trio.socket.socket(trio.socket.AF_UNIX) as sock:
            await sock.connect(str(host.socket))
    except OSError as error:
        raise socket_error(host, error) from error
    except ValueError as error:  # a NUL in the path
        raise UnreachableError(host.name, f"{host.socket} is no path: {error}") from error


def socket_error(host: LocalHost, error: OSError) -> EngineError:
    """Say what an error of opening the socket means and what to do about it."""
    match error:
        case FileNotFoundError():
            hint = "is Docker running? else set `socket` to where it listens"
            return UnreachableError(host.name, f"there is no socket {host.socket}", hint)
        case PermissionError():
            user = local_user()
            hint = f"add the user to the group docker: sudo usermod -aG docker {user}, log in again"
            what = f"permission denied on {host.socket} for the user {user}"
            return AuthenticationError(host.name, what, hint)
        case ConnectionRefusedError():
            hint = "the Engine has ended; start it, for example: systemctl start docker"
            return UnreachableError(host.name, f"nobody listens on {host.socket}", hint)
        case _:
            what = f"{host.socket} cannot be opened: {error.strerror or error}"
            return UnreachableError(host.name, what)
