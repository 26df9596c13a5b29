from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from connectors import proxy_admin
from connectors.proxy_admin import ProxyAdmin, ProxyError
from tests.lab.echo import Source, answer, requests
from tests.lab.fixtures import Lab
from tests.lab.proxy import Listener
from tests.lab.rubbish import Rubbish
from tests.lab.tls import TlsFiles

PROPER = {
    Rubbish.INVALID_JSON,
    Rubbish.INVALID_UTF8,
    Rubbish.WRONG_TYPES,
    Rubbish.EMPTY_BODY,
    Rubbish.OLD_API,
    Rubbish.ANSWERS_WELL,
}
"""Whole answers: what they say is for readers to judge."""


class Lines(Listener):
    """A runtime API: answers one line and ends."""

    said = b"fine\n\n"

    def serve(self, client: socket.socket) -> None:
        with client.makefile("rb") as file:
            file.readline()
        client.sendall(self.said)
        client.shutdown(socket.SHUT_WR)


class Pages(Listener):
    """Says which page was asked for, and of the first two that there is another."""

    def serve(self, client: socket.socket) -> None:
        for target, _ in requests(client):
            page = int(target.rpartition("=")[2])
            more = page + 1 if page < 3 else 1
            whole = answer("200 OK", target.encode())
            client.sendall(whole.replace(b"\r\n", f"\r\nX-Next-Page: {more}\r\n".encode(), 1))


class Elsewhere(trio.abc.HostnameResolver):
    """Says one address first, then others."""

    def __init__(self, *addresses: str) -> None:
        self.left = list(addresses)

    async def getaddrinfo(  # type: ignore[override]
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - its own name
        proto: int = 0,
        flags: int = 0,
    ) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        del host, family, flags
        assert isinstance(port, int)
        address = self.left.pop(0)
        return [(socket.AF_INET, type, proto, "", (address, port))]

    async def getnameinfo(  # type: ignore[override]
        self, sockaddr: tuple[str, int], flags: int
    ) -> tuple[str, str]:
        raise NotImplementedError


def port_of(server: Listener) -> int:
    assert isinstance(server.address, tuple)
    return int(server.address[1])


async def fault(url: str, listed: Sequence[str] = (), target: str = "/config/") -> ProxyError:
    with pytest.raises(ProxyError) as caught:
        await ProxyAdmin(url, listed).get(target)
    return caught.value


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://169.254.169.254/latest", []),
        ("http://0.0.0.0:2019", []),
        ("http://[::ffff:10.0.0.1]:2019", []),
        ("http://10.0.0.4:2019", ["http://10.0.0.4:201", "http://10.0.0.4:2019/admin"]),
        ("http://10.0.0.4:20190", ["http://10.0.0.4:2019"]),
        ("http://10.0.0.4:2019@127.0.0.1:1", ["http://10.0.0.4:2019"]),
        ("http://10.0.0.4:2019/a/../b", ["http://10.0.0.4:2019/a"]),
        ("http://10.0.0.4:2019/a/%2e%2e/b", ["http://10.0.0.4:2019/a"]),
        ("http://127.0.0.1:2019/?x=", []),
        ("ftp://127.0.0.1:2019", []),
        ("file:///etc/passwd", []),
        ("unix:///var/run/docker.sock", ["unix:///run/haproxy"]),
        ("unix:///run/haproxy/../docker.sock", ["unix:///run/haproxy"]),
        ("tcp://127.0.0.1:1", []),  # not for HTTP
        ("tcp://127.0.0.1", []),
        ("127.0.0.1:2019", []),
        ("", []),
    ],
)
async def test_urls_that_are_not_asked(url: str, listed: list[str]) -> None:
    assert (await fault(url, listed)).code == "refused"


async def test_loopback_and_what_is_listed_is_asked(lab: Lab) -> None:
    with Source(b"yes") as source:
        for name in ("127.0.0.1", "localhost"):
            url = f"http://{name}:{port_of(source)}"
            assert await ProxyAdmin(url).get("/config/") == b"yes"
            assert source.asked[-1][0] == "/config/"
            assert source.asked[-1][1]["host"] == f"{name}:{port_of(source)}"
    namespace = lab.namespace()
    with Source(b"yes", (namespace.outside, 0)) as source:
        url = f"http://{namespace.outside}:{port_of(source)}"
        assert (await fault(url)).code == "refused"
        assert source.accepted == 0
        assert await ProxyAdmin(f"{url}/a", [f"{url}/"]).get("/b") == b"yes"
        assert source.asked[-1][0] == "/a/b"


async def test_a_name_is_looked_up_once_and_that_address_is_asked() -> None:
    trio.socket.set_custom_hostname_resolver(Elsewhere("127.0.0.1", "10.0.0.4", "10.0.0.4"))
    with Source(b"yes") as source:
        url = f"http://rebound.example:{port_of(source)}"
        assert await ProxyAdmin(url).get("/config/") == b"yes"
        assert source.asked[-1][1]["host"].startswith("rebound.example:")
        assert (await fault(url)).code == "refused"


@pytest.mark.parametrize("mode", [mode for mode in Rubbish if mode not in PROPER])
async def test_a_strange_server_is_an_error_that_quotes_nothing(
    lab: Lab, mode: Rubbish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_admin, "TIMEOUT", 1.0)
    monkeypatch.setattr(proxy_admin, "LARGEST", 100_000)
    server = lab.rubbish(mode)
    url = f"http://127.0.0.1:{port_of(server)}"
    error = await fault(url)
    assert error.code in ("unreachable", "not-understood")
    assert error.what.startswith(url)


async def test_redirects_and_errors_are_told_and_not_followed(lab: Lab) -> None:
    server = lab.rubbish(Rubbish.REDIRECT)
    error = await fault(f"http://127.0.0.1:{port_of(server)}")
    assert (error.code, "redirect" in error.what) == ("not-understood", True)
    with Source() as source:
        source.failure = "503"
        error = await fault(source.url)
    assert (error.code, "503" in error.what) == ("not-understood", True)
    assert (await fault(source.url)).code == "unreachable"


async def test_pages_are_asked_for_until_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pages(("127.0.0.1", 0)) as server:
        admin = ProxyAdmin(f"http://127.0.0.1:{port_of(server)}")
        pages = await admin.pages("/api/http/routers")
        assert [page[-7:] for page in pages] == [b"&page=1", b"&page=2", b"&page=3"]
        monkeypatch.setattr(proxy_admin, "LARGEST", 100)  # for all of them
        with pytest.raises(ProxyError, match="more than 100 bytes"):
            await admin.pages("/api/http/routers")
        monkeypatch.undo()
        monkeypatch.setattr(proxy_admin, "PAGES", 2)
        with pytest.raises(ProxyError, match="pages"):
            await admin.pages("/api/http/routers")


async def test_commands_go_to_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "admin.sock"
    with Lines(path), Lines(("127.0.0.1", 0)) as tcp:
        assert await ProxyAdmin(f"unix://{path}", [f"unix://{path}"]).command("x") == b"fine\n\n"
        with pytest.raises(ProxyError, match="list it"):
            ProxyAdmin(f"unix://{path}")
        url = f"tcp://127.0.0.1:{port_of(tcp)}"
        assert await ProxyAdmin(url).command("x") == b"fine\n\n"
        monkeypatch.setattr(proxy_admin, "LARGEST", 3)
        with pytest.raises(ProxyError, match="more than 3 bytes"):
            await ProxyAdmin(url).command("x")
        with pytest.raises(ProxyError, match="not for commands"):
            await ProxyAdmin(url.replace("tcp", "http")).command("x")
    with pytest.raises(ProxyError, match="connected") as caught:
        await ProxyAdmin(url).command("x")
    assert caught.value.code == "unreachable"


class TlsSource(Source):
    """The same on TLS."""

    def __init__(self, files: TlsFiles) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.cert, files.key)
        super().__init__(b"yes")

    def serve(self, client: socket.socket) -> None:
        with self._context.wrap_socket(client, server_side=True) as wrapped:
            super().serve(wrapped)


async def test_a_certificate_must_be_that_of_the_name(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = lab.authority()
    with TlsSource(authority.server("localhost")) as source:
        url = f"https://localhost:{port_of(source)}"
        assert (await fault(url)).code == "unreachable"
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        assert await ProxyAdmin(url).get("/config/") == b"yes"
        assert (await fault(url.replace("localhost", "127.0.0.1"))).code == "unreachable"
