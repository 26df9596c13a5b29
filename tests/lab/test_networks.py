"""Hosts with their own networks, sshd and TLS listeners break the way real ones do."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine, answers
from tests.lab.fixtures import Lab
from tests.lab.networks import Namespace
from tests.lab.ports import accepts
from tests.lab.sshd import Sshd
from tests.lab.tls import Authority, TlsFiles
from tests.lab.waiting import wait_until


def test_link_down_leaves_tcp_half_open(lab: Lab) -> None:
    host = lab.namespace()
    server = lab.sshd(host)
    with socket.create_connection((host.inside, server.port), 5) as connection:
        assert connection.recv(100).startswith(b"SSH-2.0")
        host.link_down()
        connection.sendall(b"SSH-2.0-Test\r\n")  # accepted by the kernel, never delivered
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        host.link_up()
        connection.settimeout(10)
        assert connection.recv(100), "the same connection goes on once the line is mended"


def test_reject_drop_and_allow(lab: Lab) -> None:
    host = lab.namespace()
    server = lab.sshd(host)
    host.reject(server.port)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host.inside, server.port), 2)
    host.allow()
    assert accepts(host.inside, server.port)
    host.drop()
    with pytest.raises(TimeoutError):
        socket.create_connection((host.inside, server.port), 0.3)


def test_published_ports_answer_from_outside(lab: Lab) -> None:
    host = lab.namespace()
    engine = lab.engine(namespace=host, bridge=True)
    web = ContainerSpec(
        command=("httpd", "-f", "-p", "80", "-h", "/www"), network="bridge", ports={"80/tcp": 8080}
    )
    engine.run_container("web", web)
    wait_until(lambda: accepts(host.inside, 8080), "the web server listens")
    with socket.create_connection((host.inside, 8080), 5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200 OK" in connection.recv(1000)


@contextmanager
def _forward(server: Sshd, local: Path, engine: Engine) -> Iterator[subprocess.Popen[bytes]]:
    command = server.ssh_command()
    forward = ["-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{local}:{engine.socket}"]
    words = [command[0], *forward, *command[1:]]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as client:
        try:
            yield client
        finally:
            client.kill()


def test_sshd_forwards_the_engines_socket(lab: Lab, engine_2010: Engine) -> None:
    server = lab.sshd(lab.namespace())
    local = server.folder / "f"
    with _forward(server, local, engine_2010) as client:
        wait_until(lambda: answers(local), "the Engine answers through sshd")
        assert server.session_processes()
        server.kill()
        assert server.session_processes() == []
        assert client.wait(10) != 0
    local.unlink(missing_ok=True)
    server.options["AllowStreamLocalForwarding"] = "no"
    server.start_again()
    with _forward(server, local, engine_2010):
        wait_until(local.exists, "ssh listens")
        assert not answers(local)


def test_sshd_runs_docker_for_dial_stdio(lab: Lab, engine_2010: Engine) -> None:
    server = lab.sshd()
    socket_url = f"unix://{engine_2010.socket}"
    command = server.ssh_command("docker", "-H", socket_url, "system", "dial-stdio")
    asked = b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    said = subprocess.run(command, input=asked, capture_output=True, check=True, timeout=20)
    assert said.stdout.startswith(b"HTTP/1.1 200 OK")


def test_a_rotated_host_key_is_not_trusted(lab: Lab) -> None:
    server = lab.sshd()
    server.kill()
    server.rotate_host_key()
    server.start_again()
    said = subprocess.run(server.ssh_command("true"), capture_output=True, text=True, check=False)
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in said.stderr
    server.trust_host_key()
    assert subprocess.run(server.ssh_command("true"), check=False).returncode == 0


def _handshake(address: tuple[str, int], files: TlsFiles, passphrase: str | None = None) -> bytes:
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(files.cert, files.key, passphrase)
    with (
        socket.create_connection(address, 5) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as secure,
    ):
        secure.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        answer = secure.recv(1000)
    if not answer:
        raise ConnectionResetError("closed without an answer")
    return answer


def _tls_engine(lab: Lab, authority: Authority, host: Namespace, server: TlsFiles) -> Engine:
    assert server.key.stat().st_mode & 0o777 == 0o600
    assert server.ca == authority.ca
    return lab.engine(namespace=host, tcp=server)


def test_mutual_tls_right_and_wrong(lab: Lab) -> None:
    authority, foreign, host = lab.authority(), lab.authority(), lab.namespace()
    engine = _tls_engine(lab, authority, host, authority.server(host.inside))
    assert engine.address is not None
    assert b"200 OK" in _handshake(engine.address, authority.client(passphrase="x"), "x")
    stranger, expired = foreign.client(), authority.client(expired=True)
    # TLS 1.3 refuses a client after the handshake: an alert if it is read in time, else an end.
    for refused in (TlsFiles(authority.ca, stranger.cert, stranger.key), expired):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _handshake(engine.address, refused)
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        _handshake(engine.address, foreign.client())


@pytest.mark.parametrize(
    ("name", "expired", "reason"),
    [("elsewhere.example", False, "IP address mismatch"), (None, True, "has expired")],
)
def test_bad_server_certificates(lab: Lab, name: str | None, expired: bool, reason: str) -> None:
    authority, host = lab.authority(), lab.namespace()
    files = authority.server(name or host.inside, expired=expired)
    engine = _tls_engine(lab, authority, host, files)
    assert engine.address is not None
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        _handshake(engine.address, authority.client())
