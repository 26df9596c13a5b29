"""What flows through a tunnel: all of it, in order, with half-close and backpressure."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from connectors.connect import connect
from connectors.endpoint import Endpoint
from tests.connectors.reach import ssh_host, until
from tests.lab.cache import docker_cli
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.sshd import Sshd

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module", params=["streamlocal", "dial-stdio"])
def sshd(request: pytest.FixtureRequest, module_lab: Lab) -> Sshd:
    forbidden = {"AllowStreamLocalForwarding": "no"} if request.param == "dial-stdio" else {}
    return module_lab.sshd(options=forbidden)


@pytest.fixture
def box(engine_2010: Engine) -> Iterator[str]:
    spec = ContainerSpec(command=["sh", "-c", "echo begun; sleep 600"])
    yield engine_2010.run_container("traffic", spec)
    engine_2010.sdk().containers.get("traffic").remove(force=True)


async def docker(endpoint: Endpoint, *words: str, stdin: bytes = b"") -> bytes:
    command = [docker_cli(), "-H", f"unix://{endpoint.uds}", *words]
    done = await trio.run_process(command, stdin=stdin, capture_stdout=True)
    return done.stdout


async def test_docker_s_own_tools_work_through_it(
    sshd: Sshd, engine_2010: Engine, box: str
) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        assert (await docker(endpoint, "exec", box, "echo", "hello")).strip() == b"hello"
        assert b"begun" in await docker(endpoint, "logs", box)


async def test_the_end_of_input_reaches_a_hijacked_connection_and_output_comes_back(
    sshd: Sshd, engine_2010: Engine, box: str
) -> None:
    """`cat | wc` answers only after its input has ended: half-close in one direction."""
    data = b"x" * (3 * MEGABYTE + 7)
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        said = await docker(endpoint, "exec", "-i", box, "wc", "-c", stdin=data)
        assert int(said) == len(data)
        back = await docker(endpoint, "exec", "-i", box, "cat", stdin=data)
        assert back == data


async def test_a_terminal_works_through_it(sshd: Sshd, engine_2010: Engine, box: str) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        inside = "sh -c 'test -t 0 && test -t 1 && echo yes'"
        line = f"{docker_cli()} -H unix://{endpoint.uds} exec -it {box} {inside}"
        said = await trio.run_process(["script", "-qec", line, "/dev/null"], capture_stdout=True)
        assert b"yes" in said.stdout


async def test_a_slow_reader_gets_everything_and_holds_the_sender(
    sshd: Sshd, engine_2010: Engine, box: str
) -> None:
    size = 16 * MEGABYTE
    fill = f"head -c {size} /dev/zero > /tmp/big"
    request = f"GET /containers/{box}/archive?path=/tmp/big HTTP/1.0\r\n\r\n".encode()
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        await docker(endpoint, "exec", box, "sh", "-c", fill)
        async with await trio.open_unix_socket(str(endpoint.uds)) as stream:
            await stream.send_all(request)
            before = resident()
            got = len(await stream.receive_some(1024))
            with trio.move_on_after(0.5):  # give a sender that is not held the time to overrun us
                await trio.sleep_forever()
            assert resident() - before < 8 * MEGABYTE
            async for part in stream:
                got += len(part)
            assert got > size


async def test_a_client_that_leaves_a_silent_stream_frees_its_channel(
    sshd: Sshd, engine_2010: Engine, box: str
) -> None:
    """Following the logs of a silent container: nothing would ever be written to notice it by."""
    request = f"GET /containers/{box}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n".encode()
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        idle = len(connections_of(engine_2010))
        async with await trio.open_unix_socket(str(endpoint.uds)) as stream:
            await stream.send_all(request)
            assert b"begun" in await receive_until(stream, b"begun")
            assert len(connections_of(engine_2010)) > idle
        await until(lambda: len(connections_of(engine_2010)) <= idle, "the channel is closed")


async def receive_until(stream: trio.SocketStream, wanted: bytes) -> bytes:
    got = b""
    with trio.fail_after(10):
        while wanted not in got and (part := await stream.receive_some()):
            got += part
    return got


def connections_of(engine: Engine) -> list[str]:
    """Return the established connections to the Engine's socket, seen from its side."""
    said = subprocess.run(
        ["ss", "-Hx", "src", str(engine.socket)], capture_output=True, text=True, check=True
    )
    return [line for line in said.stdout.splitlines() if "ESTAB" in line]


def resident() -> int:
    """Return this process's resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
