"""TCP and TLS: each of the many ways in which it fails is told apart."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from config.models import Monitoring, TcpHost, TlsFiles
from connectors.connect import connect
from connectors.errors import AuthenticationError, ProtocolError, TlsError, UnreachableError
from tests.connectors.reach import QUICK
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.tls import Authority


@dataclass(frozen=True)
class Secure:
    """An Engine on TCP with mutual TLS, and the authority behind it."""

    engine: Engine
    authority: Authority

    def host(self, files: TlsFiles | None, **changes: object) -> TcpHost:
        assert self.engine.address is not None
        address, port = self.engine.address
        settings = {"name": "db", "address": address, "port": port, "monitoring": QUICK}
        return TcpHost(tls=files, **(settings | changes))  # type: ignore[arg-type]  # a test's own


@pytest.fixture(scope="module")
def secure(module_lab: Lab) -> Secure:
    authority = module_lab.authority()
    engine = module_lab.engine(tcp=authority.server("127.0.0.1", "engine.lan"))
    return Secure(engine, authority)


def files(authority: Authority, **changes: object) -> TlsFiles:
    own = authority.client()
    settings = {"ca_file": authority.ca, "cert_file": own.cert, "key_file": own.key}
    return TlsFiles(**(settings | changes))  # type: ignore[arg-type]  # a test's own dictionary


async def test_mutual_tls_is_up(secure: Secure) -> None:
    async with connect(secure.host(files(secure.authority))) as endpoint:
        assert endpoint.address == secure.engine.address
        assert endpoint.server_name == "127.0.0.1"
        assert endpoint.tls is not None
        assert endpoint.tls.verify_mode is ssl.CERT_REQUIRED
        assert endpoint.tls.minimum_version >= ssl.TLSVersion.TLSv1_2


async def test_the_server_name_may_differ_from_the_address(secure: Secure) -> None:
    own = files(secure.authority, server_name="engine.lan")
    async with connect(secure.host(own)) as endpoint:
        assert endpoint.server_name == "engine.lan"


async def test_a_wrong_name_is_named(secure: Secure) -> None:
    own = files(secure.authority, server_name="other.lan")
    with pytest.raises(TlsError, match=r"not for the name other\.lan.*server_name"):
        async with connect(secure.host(own)):
            pass


async def test_an_unknown_ca_is_named(secure: Secure, lab: Lab) -> None:
    own = files(secure.authority, ca_file=lab.authority().ca)
    with pytest.raises(TlsError, match=r"unknown CA.*ca_file"):
        async with connect(secure.host(own)):
            pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_expired_certificate_is_named(lab: Lab, version: ssl.TLSVersion) -> None:
    authority = lab.authority()
    with serve_tls(authority, version, expired=True) as port:
        host = TcpHost(name="db", address="127.0.0.1", port=port, tls=files(authority))
        with pytest.raises(TlsError, match=r"expired.*renew"):
            async with connect(host):
                pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("foreign", [True, False])
async def test_a_refused_or_missing_client_certificate_is_named_in_each_version_of_tls(
    lab: Lab, version: ssl.TLSVersion, foreign: bool
) -> None:
    authority = lab.authority()
    stranger = lab.authority().client()
    own = TlsFiles(ca_file=authority.ca)
    if foreign:
        own = files(authority, cert_file=stranger.cert, key_file=stranger.key)
    with serve_tls(authority, version) as port:
        host = TcpHost(name="db", address="127.0.0.1", port=port, tls=own, monitoring=QUICK)
        with pytest.raises(AuthenticationError, match=r"client certificate.*cert_file"):
            async with connect(host):
                pass


@contextmanager
def serve_tls(
    authority: Authority, version: ssl.TLSVersion, *, expired: bool = False
) -> Iterator[int]:
    """Serve one connection with exactly this version of TLS; an Engine leaves no choice of it."""
    own = authority.server("127.0.0.1", expired=expired)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.cert, own.key)
    context.load_verify_locations(own.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version

    def serve() -> None:
        client = server.accept()[0]
        with client, contextlib.suppress(OSError):  # the refusal that the test is after
            context.wrap_socket(client, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize("foreign", [True, False])
async def test_an_engine_that_refuses_our_certificate_says_so(
    secure: Secure, lab: Lab, foreign: bool
) -> None:
    own = TlsFiles(ca_file=secure.authority.ca)
    if foreign:
        stranger = lab.authority().client()
        own = files(secure.authority, cert_file=stranger.cert, key_file=stranger.key)
    with pytest.raises(AuthenticationError, match="client certificate"):
        async with connect(secure.host(own)):
            pass


async def test_an_expired_client_certificate_is_refused(secure: Secure) -> None:
    old = secure.authority.client(expired=True)
    own = files(secure.authority, cert_file=old.cert, key_file=old.key)
    with pytest.raises(AuthenticationError, match="client certificate"):
        async with connect(secure.host(own)):
            pass


async def test_plain_to_a_tls_port_says_what_to_set(secure: Secure) -> None:
    with pytest.raises(TlsError, match=r"speaks TLS, we spoke plain.*set `tls`"):
        async with connect(secure.host(None, insecure=True)):
            pass


@pytest.fixture(scope="module")
def plain(module_lab: Lab) -> Engine:
    return module_lab.engine(tcp="plain")


async def test_plain_is_fine_on_the_loopback(plain: Engine) -> None:
    assert plain.address is not None
    host = TcpHost(name="db", address=plain.address[0], port=plain.address[1], monitoring=QUICK)
    async with connect(host) as endpoint:
        assert endpoint.tls is None
        assert endpoint.server_name is None


async def test_tls_to_a_plain_port_says_what_to_set(plain: Engine, secure: Secure) -> None:
    assert plain.address is not None
    host = secure.host(files(secure.authority), port=plain.address[1])
    with pytest.raises(TlsError, match=r"does not speak TLS.*insecure = true"):
        async with connect(host):
            pass


async def test_this_machine_may_be_spelled_in_any_case(plain: Engine) -> None:
    assert plain.address is not None
    host = TcpHost(name="db", address="LocalHost", port=plain.address[1], monitoring=QUICK)
    async with connect(host) as endpoint:
        assert endpoint.tls is None


async def test_plain_over_a_network_must_be_meant() -> None:
    host = TcpHost(name="db", address="192.0.2.1", monitoring=QUICK)
    with pytest.raises(TlsError, match="without TLS"):
        async with connect(host):
            pass


async def test_an_encrypted_key_is_opened_by_its_password(secure: Secure, tmp_path: Path) -> None:
    own = secure.authority.client("locked", passphrase="open sesame")
    (tmp_path / "password").write_text("open sesame\n")
    (tmp_path / "wrong").write_text("wrong\n")
    locked = {"cert_file": own.cert, "key_file": own.key}
    good = files(secure.authority, **locked, key_password_file=tmp_path / "password")
    async with connect(secure.host(good)):
        pass
    bad = files(secure.authority, **locked, key_password_file=tmp_path / "wrong")
    with pytest.raises(AuthenticationError, match=r"password for the key .* is wrong"):
        async with connect(secure.host(bad)):
            pass
    with pytest.raises(AuthenticationError, match="encrypted and no password"):
        async with connect(secure.host(files(secure.authority, **locked))):
            pass


async def test_files_that_are_missing_malformed_or_do_not_fit_are_named(
    secure: Secure, tmp_path: Path
) -> None:
    (tmp_path / "rubbish.pem").write_text("rubbish")
    other = secure.authority.client("other")
    cases: list[tuple[dict[str, Path], str]] = [
        ({"ca_file": tmp_path / "none"}, r"`ca_file` .*/none cannot be read"),
        ({"ca_file": tmp_path / "rubbish.pem"}, r"rubbish\.pem holds no certificate"),
        ({"cert_file": tmp_path / "rubbish.pem"}, r"rubbish\.pem holds no certificate"),
        ({"key_file": tmp_path / "rubbish.pem"}, r"rubbish\.pem holds no private key"),
        ({"key_file": other.key}, "does not belong to"),
    ]
    for changes, said in cases:
        with pytest.raises(TlsError, match=said):
            async with connect(secure.host(files(secure.authority, **changes))):
                pass


async def test_nobody_there_unknown_names_and_silence_are_told_apart(
    secure: Secure, nursery: trio.Nursery
) -> None:
    own = files(secure.authority)
    with pytest.raises(UnreachableError, match="refused the connection"):
        async with connect(secure.host(own, port=1)):
            pass
    with pytest.raises(UnreachableError, match=r"nowhere\.invalid cannot be resolved"):
        async with connect(secure.host(own, address="nowhere.invalid")):
            pass

    async def stay_silent(_stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    listeners = await nursery.start(trio.serve_tcp, stay_silent, 0)
    port = listeners[0].socket.getsockname()[1]
    quick = Monitoring(connect_timeout=0.3)
    with pytest.raises(UnreachableError, match=r"within 0\.3 s while shaking hands"):
        async with connect(secure.host(own, port=port, monitoring=quick)):
            pass
    nursery.cancel_scope.cancel()


async def test_what_is_no_http_is_a_protocol_error(nursery: trio.Nursery) -> None:
    async def greet(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"220 mail.example ESMTP\r\n")

    listeners = await nursery.start(trio.serve_tcp, greet, 0)
    port = listeners[0].socket.getsockname()[1]
    with pytest.raises(ProtocolError, match="does not speak HTTP"):
        async with connect(TcpHost(name="db", address="127.0.0.1", port=port, monitoring=QUICK)):
            pass
    nursery.cancel_scope.cancel()
