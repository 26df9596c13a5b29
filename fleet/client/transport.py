"""httpx over the connections of Python's own HTTP client.

httpx's own transport imports trio, anyio and a TLS context, which together take several times as
long as all that a short command does. Connections are kept and used again, a few of them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    RemoteDisconnected,
)
from ssl import SSLContext

import httpx

MOST_IDLE = 4
PIECE = 64 * 1024  # bytes that are read at once
_GONE = (RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class DirectTransport(httpx.BaseTransport):
    """Asks over HTTP/1.1, straight and without proxies. May be used by several threads.

    Args:
        trust: Whose certificate is believed; None: the system's authorities decide.
    """

    def __init__(self, trust: SSLContext | None) -> None:
        self._trust = trust
        self._idle: list[HTTPConnection] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Ask; the body of the answer is read as it is needed.

        Raises:
            httpx.TransportError: Nothing answers.
        """
        while self._idle:
            with _kept(self._idle.pop()) as connection:
                try:
                    return self._exchange(connection, request)
                except _GONE as error:  # it ended while nobody asked anything
                    connection.close()
                    if request.method != "GET":
                        raise httpx.ReadError(str(error)) from error
        connection = self._connect(request)
        with _kept(connection):
            return self._exchange(connection, request)

    def close(self) -> None:
        """End all connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self, request: httpx.Request) -> HTTPConnection:
        url, timeout = request.url, request.extensions["timeout"]["connect"]
        if url.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(
                url.host, url.port, timeout=timeout, context=self._trust
            )
        else:
            connection = HTTPConnection(url.host, url.port, timeout=timeout)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            late = isinstance(error, TimeoutError)
            raise (httpx.ConnectTimeout if late else httpx.ConnectError)(str(error)) from error
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _exchange(self, connection: HTTPConnection, request: httpx.Request) -> httpx.Response:
        connection.sock.settimeout(request.extensions["timeout"]["read"])
        target = request.url.raw_path.decode("ascii")
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.raw:
            connection.putheader(name, value)
        connection.endheaders(request.read() or None)
        answer = connection.getresponse()
        return httpx.Response(
            answer.status,
            headers=answer.getheaders(),
            stream=_Body(connection, answer, self._idle),
            request=request,
        )


class _Body(httpx.SyncByteStream):
    """What is answered, piece by piece; read to the end, its connection is kept."""

    def __init__(
        self, connection: HTTPConnection, answer: HTTPResponse, idle: list[HTTPConnection]
    ) -> None:
        self._connection = connection
        self._answer = answer
        self._idle = idle
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        sized = self._answer.length is not None
        with translated():
            while piece := self._answer.read(PIECE) if sized else self._answer.read1(PIECE):
                yield piece
            if self._answer.length:
                raise httpx.RemoteProtocolError(f"{self._answer.length} bytes are missing")
        self._ended = True

    def close(self) -> None:
        """Keep the connection if it can be used again, or end it."""
        reusable = self._ended and not self._answer.will_close
        self._answer.close()
        if reusable and len(self._idle) < MOST_IDLE:
            self._idle.append(self._connection)
        else:
            self._connection.close()


@contextmanager
def _kept(connection: HTTPConnection) -> Iterator[HTTPConnection]:
    """Ends the connection if anything goes wrong."""
    try:
        with translated():
            yield connection
    except BaseException:
        connection.close()
        raise


@contextmanager
def translated() -> Iterator[None]:
    """What goes wrong on a connection in the words of httpx."""
    try:
        yield
    except TimeoutError as error:
        raise httpx.ReadTimeout(str(error)) from error
    except OSError as error:
        raise httpx.ReadError(str(error)) from error
    except HTTPException as error:
        raise httpx.RemoteProtocolError(str(error) or type(error).__name__) from error
