"""An Engine on TCP: with TLS, or plain where that is meant."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import trio

from config.addresses import is_loopback
from config.models import TcpHost
from connectors.deadline import Stage, late_error, within_connect_timeout
from connectors.dial import LastWords
from connectors.endpoint import Endpoint
from connectors.errors import (
    AuthenticationError,
    EngineError,
    ProtocolError,
    TlsError,
    UnreachableError,
)
from connectors.opening import TCP_PATIENCE, open_tcp
from connectors.ping import ping_through, status_of
from connectors.tls import handshake_error, make_context

_TLS_ALERT = b"\x15\x03"  # how a TLS server answers plain text (RFC 8446 section 5.1)


@asynccontextmanager
async def connect_tcp(host: TcpHost, environ: Mapping[str, str]) -> AsyncIterator[Endpoint]:
    """Yield the address once a whole exchange over it has shown that TLS is in order.

    A TLS 1.3 server refuses a client certificate only after the handshake, at the first read;
    hence a `/_ping` is made through the connection.

    Raises:
        UnreachableError: no such name, refused, or no answer in time.
        TlsError: the certificate is not good for us, or one side speaks TLS and the other plain.
        AuthenticationError: the Engine refused our client certificate.
        ProtocolError: the answer was not HTTP.
    """
    refuse_plain_by_accident(host)
    stage = Stage("opening the TCP connection")
    with within_connect_timeout(host, stage):
        tls = None
        if host.tls is not None:
            make = partial(make_context, host.name, host.tls, environ)
            tls = await trio.to_thread.run_sync(make, abandon_on_cancel=True)
        await _try(host, tls, stage)
    name = server_name(host) if tls else None
    yield Endpoint(host=host.name, address=(host.address, host.port), tls=tls, server_name=name)


def server_name(host: TcpHost) -> str:
    """Return the name that the Engine's certificate must carry."""
    return (host.tls.server_name if host.tls else None) or host.address


def refuse_plain_by_accident(host: TcpHost) -> None:
    """Refuse to speak plain over a network unless the configuration says that it is meant.

    Raises:
        TlsError: it does not.
    """
    if host.tls is None and not host.insecure and not is_loopback(host.address):
        hint = "set `tls`, or `insecure = true` if anyone on the network may control this Engine"
        raise TlsError(host.name, f"{host.target} is configured without TLS", hint)


async def _try(host: TcpHost, tls: ssl.SSLContext | None, stage: Stage) -> None:
    try:
        plain = await open_tcp(host.address, host.port)
    except OSError as error:
        raise open_error(host, error) from error
    except trio.TooSlowError as error:
        raise late_error(host, TCP_PATIENCE, stage) from error
    stream: trio.abc.Stream = plain
    try:
        if tls is not None:
            stage.now = "shaking hands"
            stream = await _secure(host, tls, plain)
        stage.now = "waiting for the answer to a ping"
        answer = await ping_through(stream)
    except trio.BrokenResourceError as error:
        raise _broken(host, error, shaken=stream is not plain) from error
    finally:
        await trio.aclose_forcefully(stream)
    judge_answer(host, answer, tls=tls is not None)


async def _secure(
    host: TcpHost, tls: ssl.SSLContext, plain: trio.SocketStream
) -> trio.SSLStream[LastWords]:
    name = server_name(host)
    try:
        stream = trio.SSLStream(LastWords(plain), tls, server_hostname=name, https_compatible=True)
    except ValueError as error:
        raise TlsError(
            host.name, f"no certificate can be for {name}", "set `server_name`"
        ) from error
    try:
        await stream.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(plain)
        raise
    return stream


def _broken(host: TcpHost, error: trio.BrokenResourceError, *, shaken: bool) -> EngineError:
    cause = error.__cause__
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
        return handshake_error(host.name, host.target, server_name(host), cause)
    if host.tls is not None and not shaken:
        what = f"{host.target} broke the connection off during the TLS handshake"
        return TlsError(host.name, what, "does the port speak TLS? see the log of what listens")
    hint = "a refused client certificate can look like this" if shaken else ""
    what = f"{host.target} broke the connection off: {cause or error}"
    return UnreachableError(host.name, what, hint)


def open_error(host: TcpHost, error: OSError) -> UnreachableError:
    """Say why no TCP connection came about."""
    attempts = error.__cause__  # trio gathers the attempts at each address of a name
    if isinstance(attempts, BaseExceptionGroup):
        error = next((one for one in attempts.exceptions if isinstance(one, OSError)), error)
    if isinstance(error, trio.socket.gaierror):
        what = f"the name {host.address} cannot be resolved: {error.strerror}"
        return UnreachableError(host.name, what, "check `address` and the DNS")
    if isinstance(error, ConnectionRefusedError):
        hint = "check `port`, and that the Engine listens on TCP (dockerd -H tcp://...)"
        return UnreachableError(host.name, f"{host.target} refused the connection", hint)
    return UnreachableError(
        host.name, f"{host.target} cannot be reached: {error.strerror or error}"
    )


def judge_answer(host: TcpHost, answer: bytes, *, tls: bool) -> None:
    """Accept the answer to a ping only from an HTTP server that speaks as we do.

    Raises:
        TlsError: it speaks TLS and we did not.
        AuthenticationError: it wants a client certificate.
        UnreachableError: there was no answer.
        ProtocolError: it was not HTTP.
    """
    status = status_of(answer)
    # net/http of Go (the Engine) and nginx say so in words, others with a TLS alert.
    said_https = status == 400 and (b"HTTPS server" in answer or b"HTTPS port" in answer)
    if not tls and (said_https or answer.startswith(_TLS_ALERT)):
        hint = "set `tls` with `ca_file`, `cert_file` and `key_file`"
        raise TlsError(host.name, f"{host.target} speaks TLS, we spoke plain HTTP", hint)
    if tls and status == 400 and b"SSL certificate" in answer:
        hint = "set `cert_file` and `key_file`"
        raise AuthenticationError(host.name, f"{host.target} wants a client certificate", hint)
    if not answer:
        what = f"{host.target} closed the connection without an answer"
        raise UnreachableError(host.name, what, "check that an Engine listens there")
    if status is None:
        raise ProtocolError(host.name, f"{host.target} does not speak HTTP", "correct `port`")
