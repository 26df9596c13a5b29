"""Docker's own command line through the relay, as if it were on the Engine's machine."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from config.models import TcpHost, TlsFiles
from connectors.connect import connect
from connectors.relay import open_relay
from tests.connectors.reach import open_files, until
from tests.lab.cache import docker_cli
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.tls import Authority


@pytest.fixture(scope="module")
def authority(module_lab: Lab) -> Authority:
    return module_lab.authority()


@pytest.fixture(scope="module", params=["tls", "plain"])
def engine(request: pytest.FixtureRequest, module_lab: Lab, authority: Authority) -> Engine:
    tcp = authority.server("127.0.0.1") if request.param == "tls" else "plain"
    engine = module_lab.engine("trixie", tcp=tcp)  # type: ignore[arg-type]  # the literal is meant
    engine.run_container("talker", ContainerSpec(command=("sh", "-c", "seq 3; sleep 1000")))
    return engine


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder) / "relay.sock"


@asynccontextmanager
async def relayed(engine: Engine, authority: Authority, path: Path) -> AsyncIterator[None]:
    assert engine.address
    address, port = engine.address
    client = authority.client()
    files = TlsFiles(ca_file=client.ca, cert_file=client.cert, key_file=client.key)
    tls = files if engine._tls else None
    host = TcpHost(name="db", address=address, port=port, tls=tls)
    async with connect(host) as endpoint, open_relay(endpoint, path):
        yield


async def docker(path: Path, *words: str, stdin: bytes = b"") -> bytes:
    """Run docker on the relay's socket; what it printed."""
    command = [docker_cli(), "--host", f"unix://{path}", *words]
    with trio.fail_after(20):
        done = await trio.run_process(command, stdin=stdin, capture_stdout=True)
    return bytes(done.stdout)


async def test_the_command_line_works(engine: Engine, authority: Authority, path: Path) -> None:
    async with relayed(engine, authority, path):
        assert os.stat(path).st_mode & 0o777 == 0o600  # noqa: PTH116 - takes no time
        assert (await docker(path, "ps", "-q")).decode() == engine.docker("ps", "-q")
        assert await docker(path, "logs", "talker") == b"1\n2\n3\n"
        assert await docker(path, "exec", "talker", "echo", "hi") == b"hi\n"
    assert not os.path.exists(path)  # noqa: ASYNC240, PTH110 - takes no time


async def test_the_end_of_the_input_arrives_and_the_output_still_comes(
    engine: Engine, authority: Authority, path: Path
) -> None:
    cargo = bytes(range(256)) * 4096
    async with relayed(engine, authority, path):
        words = ("exec", "-i", "talker")
        assert await docker(path, *words, "cat", stdin=b"hi\n") == b"hi\n"
        assert await docker(path, *words, "cat", stdin=cargo) == cargo
        late = "cat >/dev/null; sleep 0.3; echo done"
        assert await docker(path, *words, "sh", "-c", late, stdin=b"x") == b"done\n"


async def test_a_client_that_goes_leaves_nothing(
    engine: Engine, authority: Authority, path: Path
) -> None:
    async with relayed(engine, authority, path):
        before = open_files()
        for request in (b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n", b"GET /_pi", b""):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(request)
                await until(lambda: open_files() >= before + 3, "the relay has dialled")
                if request.startswith(b"GET /events"):
                    client.setblocking(False)
                    await trio.lowlevel.wait_readable(client)
            await until(lambda: open_files() <= before, f"nothing is left of {request!r}")


async def test_followed_logs_come_as_they_are_written(
    engine: Engine, authority: Authority, path: Path
) -> None:
    script = "echo first; read line <&0; sleep 1000"
    engine.run_container("writer", ContainerSpec(command=("sh", "-c", script)))
    async with relayed(engine, authority, path):
        command = [docker_cli(), "--host", f"unix://{path}", "logs", "-f", "writer"]
        process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
        assert process.stdout
        with trio.fail_after(10):
            assert await process.stdout.receive_some() == b"first\n"
        process.terminate()
        await process.wait()
        await process.stdout.aclose()
    engine.docker("rm", "-f", "writer")


async def test_an_engine_that_is_away_closes_the_client(
    engine: Engine, path: Path, lab: Lab
) -> None:
    assert engine.address
    relay = lab.relay(engine.address)
    assert isinstance(relay.address, tuple)
    host = TcpHost(name="db", address=relay.address[0], port=relay.address[1], insecure=True)
    if engine._tls:
        pytest.skip("the same without TLS")
    async with connect(host) as endpoint, open_relay(endpoint, path):
        relay.refuse()
        relay.cut()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.setblocking(False)
            with trio.fail_after(20):
                await trio.lowlevel.wait_readable(client)
            assert client.recv(10) == b""
