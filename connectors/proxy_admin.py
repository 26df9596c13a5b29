"""Asks a proxy what it runs: HTTP for Caddy and Traefik, the runtime socket for HAProxy.

Which URL is asked is often said by whoever uses our API, so that it could be used to reach what
only this machine reaches. Only the loopback and what the configuration lists are asked, nothing is
followed elsewhere, and callers must show nothing of an answer but what they understood.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from typing import Final, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import trio

from config.urls import check_admin_url
from connectors.wire import MalformedError, Reader, TruncatedError

TIMEOUT: Final = 10.0  # seconds for one answer, from the name to its last byte
LARGEST: Final = 64 * 1024 * 1024  # bytes of one answer, or of all pages
RECEIVE: Final = 64 * 1024
PAGES: Final = 200
PER_PAGE: Final = 1000

_USUAL_PORTS = {"http": 80, "https": 443}
Fault = Literal["refused", "unreachable", "not-understood"]


class ProxyError(Exception):
    """A proxy was not asked, or gave no usable answer.

    Attributes:
        code: `refused`: we do not ask that URL; `unreachable`; `not-understood`.
        what: What happened, in one line; it quotes nothing that the proxy said.
        hint: The next step, or empty.
    """

    def __init__(self, code: Fault, what: str, hint: str = "") -> None:
        super().__init__(f"{what} ({hint})" if hint else what)
        self.code: Fault = code
        self.what = what
        self.hint = hint


class ProxyAdmin:
    """The admin interface of one proxy.

    Args:
        url: `http(s)://HOST:PORT/PATH`, `tcp://HOST:PORT` or `unix:///PATH`.
        listed: The URLs of the configuration: what begins with one of them is asked, too.

    Raises:
        ProxyError: `refused`: it is no such URL. Whether it may be asked is told by asking.
    """

    def __init__(self, url: str, listed: Sequence[str] = ()) -> None:
        if fault := _fault(url):
            hint = "give http(s)://HOST:PORT, tcp://HOST:PORT or unix:///PATH"
            raise ProxyError("refused", f"the URL of the proxy has {fault}", hint)
        self._url = url.rstrip("/")
        self._parts = urlsplit(self._url)
        self._listed = any(_begins(self._url, prefix.rstrip("/")) for prefix in listed)
        if self._parts.scheme == "unix" and not self._listed:
            raise _unlisted(url)

    async def get(self, target: str) -> bytes:
        """The body of a 200 for `target`, a path and query below the URL.

        Raises:
            ProxyError: Any other answer, none in time, or the URL may not be asked.
        """
        body, _ = await self._get(target)
        return body

    async def pages(self, target: str) -> list[bytes]:
        """All pages of a list of Traefik's API.

        Raises:
            ProxyError: As `get`; or there are too many.
        """
        found: list[bytes] = []
        size = 0
        for page in range(1, PAGES + 1):
            body, following = await self._get(f"{target}?per_page={PER_PAGE}&page={page}")
            found.append(body)
            size += len(body)
            if size > LARGEST:
                raise self._too_large()
            if following != str(page + 1):
                return found
        raise ProxyError("not-understood", f"{self._url} has more than {PAGES} pages")

    async def command(self, words: str) -> bytes:
        """What HAProxy's runtime API answers to one command.

        Raises:
            ProxyError: There is none in time, or the URL may not be asked.
        """
        if self._parts.scheme not in ("tcp", "unix"):
            hint = "give tcp://HOST:PORT or unix:///PATH of the runtime API"
            raise ProxyError("refused", f"{self._url} is not for commands", hint)
        try:
            with trio.fail_after(TIMEOUT):
                return await self._run(f"{words}\n".encode())
        except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
            raise self._unreachable(error) from error

    async def _run(self, line: bytes) -> bytes:
        async with await self._connect() as stream:
            await stream.send_all(line)
            said = bytearray()
            async for piece in stream:
                said += piece
                if len(said) > LARGEST:
                    raise self._too_large()
            return bytes(said)

    async def _connect(self) -> trio.SocketStream:
        if self._parts.scheme == "unix":
            return await trio.open_unix_socket(self._parts.path)
        address, port = await self._resolve()
        return await trio.open_tcp_stream(address, port)

    async def _get(self, target: str) -> tuple[bytes, str]:
        """The body, and the number of the next page if there is one."""
        if self._parts.scheme not in ("http", "https"):
            hint = "give http(s)://HOST:PORT of the admin API"
            raise ProxyError("refused", f"{self._url} is not for HTTP", hint)
        try:
            with trio.fail_after(TIMEOUT):
                return await self._ask(target)
        except (OSError, trio.BrokenResourceError, trio.TooSlowError, TruncatedError) as error:
            raise self._unreachable(error) from error
        except MalformedError as error:  # what it says quotes the proxy
            hint = "is this the admin interface?"
            raise ProxyError("not-understood", f"{self._url} does not speak HTTP", hint) from error

    async def _ask(self, target: str) -> tuple[bytes, str]:
        parts = self._parts
        request = (
            f"GET {parts.path}{target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: fleet\r\n"
            "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
        )
        stream = await self._connect_http()
        try:
            await stream.send_all(request.encode("ascii"))
            reader, body = Reader(), bytearray()
            while not reader.done:
                body += reader.feed(await stream.receive_some(RECEIVE))
                if len(body) > LARGEST:
                    raise self._too_large()
        finally:
            await trio.aclose_forcefully(stream)
        head = reader.head
        assert head is not None  # noqa: S101 - an answer that is done has one
        self._check(head.status)
        return bytes(body), head.headers.get(b"x-next-page", b"").decode("latin-1")

    async def _connect_http(self) -> trio.abc.Stream:
        """Connect to the address that was checked; a certificate must be the name's."""
        address, port = await self._resolve()
        stream = await trio.open_tcp_stream(address, port)
        if self._parts.scheme == "http":
            return stream
        context = ssl.create_default_context()
        name = self._parts.hostname
        return trio.SSLStream(stream, context, server_hostname=name, https_compatible=True)

    def _check(self, status: int) -> None:
        if 300 <= status < 400:
            hint = "give the URL that it leads to"
            raise ProxyError("not-understood", f"{self._url} answers with a redirect", hint)
        if status != 200:
            hint = "is this the admin interface, and may this machine ask it?"
            raise ProxyError("not-understood", f"{self._url} answers {status}", hint)

    async def _resolve(self) -> tuple[str, int]:
        """The one address that is used.

        Raises:
            OSError: There is no such name.
            ProxyError: It may not be asked.
        """
        parts: SplitResult = self._parts
        port = parts.port or _USUAL_PORTS.get(parts.scheme, 0)
        found = await trio.socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        address = str(found[0][4][0])
        if not self._listed and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            raise _unlisted(self._url)
        return address, port

    def _unreachable(self, error: Exception) -> ProxyError:
        why = "it cannot be connected to"
        if isinstance(error, trio.TooSlowError):
            why = f"no whole answer within {TIMEOUT:g} s"
        elif isinstance(error, TruncatedError):
            why = "it ended the connection without a whole answer"
        hint = "does the proxy run, and does its admin interface listen there?"
        return ProxyError("unreachable", f"{self._url}: {why}", hint)

    def _too_large(self) -> ProxyError:
        return ProxyError("not-understood", f"{self._url} answers more than {LARGEST} bytes")


def _fault(url: str) -> str:
    """What is wrong with a URL, empty if nothing is."""
    try:
        check_admin_url(url)
    except ValueError as error:
        return str(error)
    if not url.isascii():
        return "a character that is not ASCII"
    return "`..` in its path" if {".", ".."} & set(unquote(urlsplit(url).path).split("/")) else ""


def _begins(url: str, prefix: str) -> bool:
    return url == prefix or url.startswith(f"{prefix}/")


def _unlisted(url: str) -> ProxyError:
    hint = "list it in `[revp] proxies`; without that only the loopback is asked"
    return ProxyError("refused", f"{url} is not to be asked", hint)
