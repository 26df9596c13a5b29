"""Operating system and TLS failures, in the words of `connectors.errors`."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

from connectors.endpoint import Endpoint
from connectors.errors import AuthenticationError, EngineError, UnreachableError
from connectors.tls import handshake_error

_GONE = {
    errno.ECONNRESET: "the connection was reset",
    errno.EPIPE: "the connection was closed",
    errno.ETIMEDOUT: "the peer went silent",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
}


def place(endpoint: Endpoint) -> str:
    """Name where an endpoint is, for messages."""
    if endpoint.place or endpoint.uds is not None:
        return endpoint.place or str(endpoint.uds)
    if endpoint.address is None:
        return "nowhere"
    name, port = endpoint.address
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Walk an error, its causes and the members of groups: trio wraps what the system said."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from causes(member)
    if error.__cause__ is not None:
        yield from causes(error.__cause__)


def translate(endpoint: Endpoint, error: BaseException) -> EngineError:
    """Say what a failed connection means. The most telling of all causes is taken."""
    found = list(causes(error))
    for cause in found:
        # An end without TLS's farewell says nothing of TLS: the Engine died, or was restarted.
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            name = endpoint.server_name or (endpoint.address[0] if endpoint.address else "")
            return handshake_error(endpoint.host, place(endpoint), name, cause)
        if isinstance(cause, socket.gaierror):
            what = f"the name of {place(endpoint)} is not known"
            return UnreachableError(endpoint.host, what, "check the address, or the name server")
    system = [cause for cause in found if isinstance(cause, OSError) and cause.errno is not None]
    if system:
        return _system_error(endpoint, system[-1])
    return UnreachableError(endpoint.host, f"{place(endpoint)}: the connection was lost")


def _system_error(endpoint: Endpoint, error: OSError) -> EngineError:
    host, where = endpoint.host, place(endpoint)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return UnreachableError(host, f"there is no socket {where}", "is the Engine running?")
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "run as a user who may open the socket, such as a member of its group"
        return AuthenticationError(host, f"{where} may not be opened by this user", hint)
    if error.errno == errno.ECONNREFUSED:
        return UnreachableError(host, f"nobody listens at {where}", "is the Engine running?")
    said = _GONE.get(error.errno or 0) or error.strerror or type(error).__name__
    return UnreachableError(host, f"{where}: {said}")
