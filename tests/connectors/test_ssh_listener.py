"""Clients of a tunnel's socket that come just as the tunnel ends."""

import asyncio
import errno
import gc
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio

from connectors.deadline import Stage
from connectors.ssh_tunnel import open_tunnel
from tests.connectors.reach import PING, open_files, ssh_host
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.sshd import Sshd
from tests.lab.waiting import wait_until

TURNS = 10  # of asyncio's loop; a client is set up within five of them


@pytest.fixture(scope="module")
def sshd(session_lab: Lab) -> Sshd:
    return session_lab.sshd()


async def _end_during(sshd: Sshd, engine: Engine, turns: int, *, broken: bool) -> bytes:
    """End a tunnel so many turns after a client has connected; returns what the client reads."""
    loop = asyncio.get_running_loop()
    lost = asyncio.Event()
    host = ssh_host(sshd, engine.socket)
    tunnel_of_host = open_tunnel(host, os.environ, Stage(), lambda _reason: lost.set())
    with socket.socket(socket.AF_UNIX) as client:
        async with tunnel_of_host as tunnel:
            if broken:
                await loop.run_in_executor(None, sshd.kill_sessions)
                await asyncio.wait_for(lost.wait(), 20)
            client.connect(str(tunnel.path))
            for _ in range(turns):
                await asyncio.sleep(0)
        client.settimeout(20)
        try:
            return client.recv(1)
        except ConnectionResetError:  # nobody had accepted it yet
            return b""


@pytest.mark.parametrize("broken", [False, True])
async def test_a_client_that_comes_at_the_end_is_closed(
    sshd: Sshd, engine_2010: Engine, broken: bool
) -> None:
    async def scene() -> list[bytes]:
        await _end_during(sshd, engine_2010, TURNS, broken=broken)
        before = open_files()
        read = [
            await _end_during(sshd, engine_2010, turns, broken=broken) for turns in range(TURNS)
        ]
        gc.collect()  # whatever was left open is told of here, which fails the test
        assert open_files() <= before
        return read

    assert await trio.to_thread.run_sync(asyncio.run, scene()) == [b""] * TURNS


@contextmanager
def _no_further_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_client_waits_where_no_file_can_be_opened(
    sshd: Sshd, engine_2010: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> bool:
        return os.strerror(errno.EMFILE) in caplog.text

    async def scene() -> bytes:
        loop = asyncio.get_running_loop()
        host = ssh_host(sshd, engine_2010.socket)
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            async with open_tunnel(host, os.environ, Stage(), lambda _: None) as tunnel:
                with _no_further_files():
                    client.connect(str(tunnel.path))
                    await loop.run_in_executor(None, wait_until, refused, "it has to wait")
                await loop.sock_sendall(client, PING)
                async with asyncio.timeout(20):
                    return await loop.sock_recv(client, 15)

    assert await trio.to_thread.run_sync(asyncio.run, scene()) == b"HTTP/1.1 200 OK"
