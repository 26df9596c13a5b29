"""Tunnels that break, are cancelled, or are opened again and again: noticed, and nothing left."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from config.models import Monitoring
from connectors.connect import connect
from connectors.errors import UnreachableError
from connectors.ssh_sockets import socket_folder
from connectors.ssh_thread import open_ssh_thread
from tests.connectors.reach import ask, open_files, ssh_host, ssh_threads, until
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.sshd import Sshd


@pytest.fixture
def sshd(lab: Lab) -> Sshd:
    return lab.sshd()


async def test_a_killed_sshd_is_noticed_and_leaves_nothing(sshd: Sshd, engine_2010: Engine) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        sshd.kill()
        with trio.fail_after(20):
            assert "SSH connection" in await endpoint.lost()
        assert await ask(endpoint, b"") == b""
    assert not ssh_threads()


async def test_a_half_open_link_is_noticed_by_keepalive(lab: Lab, engine_2010: Engine) -> None:
    network = lab.namespace()
    remote = lab.sshd(network)
    host = ssh_host(remote, engine_2010.socket, keepalive_interval=0.4, keepalive_count=3)
    async with connect(host) as endpoint:
        network.link_down()
        begun = trio.current_time()
        with trio.fail_after(20):
            assert "keepalive" in await endpoint.lost()
        assert trio.current_time() - begun < 10
        begun = trio.current_time()
    assert trio.current_time() - begun < 15
    assert not ssh_threads()


async def test_leaving_a_dead_link_is_bounded_even_before_it_is_noticed(
    lab: Lab, engine_2010: Engine
) -> None:
    network = lab.namespace()
    remote = lab.sshd(network)
    async with connect(ssh_host(remote, engine_2010.socket)):
        network.link_down()
        begun = trio.current_time()
    assert trio.current_time() - begun < 15
    assert not ssh_threads()


async def test_a_host_that_is_away_is_unreachable_in_time(lab: Lab, engine_2010: Engine) -> None:
    network = lab.namespace()
    remote = lab.sshd(network)
    network.drop()
    host = ssh_host(remote, engine_2010.socket, monitoring=Monitoring(connect_timeout=0.5))
    with pytest.raises(UnreachableError, match=r"within 0\.5 s"):
        async with connect(host):
            pass


async def test_fifty_rounds_leak_nothing(sshd: Sshd, engine_2010: Engine) -> None:
    host = ssh_host(sshd, engine_2010.socket)
    async with connect(host):
        pass
    before = open_files()
    for _ in range(50):
        async with connect(host) as endpoint:
            assert b"200 OK" in await ask(endpoint)
    assert open_files() <= before
    assert not ssh_threads()
    assert not list(socket_folder(os.environ).glob(f"{os.getpid()}-*"))
    await until(lambda: not sshd.session_processes(), "sshd's sessions end")


async def test_cancelling_at_any_moment_leaks_nothing(sshd: Sshd, engine_2010: Engine) -> None:
    host = ssh_host(sshd, engine_2010.socket)
    async with connect(host):
        pass
    before = open_files()
    finished = 0
    for step in range(40):
        with trio.move_on_after(step * 0.003):
            async with connect(host):
                finished += 1
    assert finished < 40
    assert open_files() <= before
    assert not ssh_threads()
    assert not list(socket_folder(os.environ).glob(f"{os.getpid()}-*"))
    await until(lambda: not sshd.session_processes(), "sshd's sessions end")


async def test_many_tunnels_share_one_thread(sshd: Sshd, engine_2010: Engine) -> None:
    host = ssh_host(sshd, engine_2010.socket)
    opened = []
    ready, done = trio.Event(), trio.Event()

    async def one() -> None:
        async with connect(host) as endpoint:
            opened.append(endpoint)
            if len(opened) == 8:
                ready.set()
            await done.wait()

    async with open_ssh_thread(), trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(one)
        with trio.fail_after(15):
            await ready.wait()
        assert ssh_threads().count("fleet-ssh") == 1
        assert len({endpoint.uds for endpoint in opened}) == 8
        done.set()
    assert not ssh_threads()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Pytest's own folders are too long for the address of a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def test_sockets_of_killed_processes_are_swept(short_folder: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(short_folder)}
    script = (
        "import os, signal\n"
        "from connectors.ssh_sockets import bind_socket\n"
        f"sock, path = bind_socket({environ!r})\n"
        "sock.listen()\nprint(path, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    left = Path(said.stdout.strip())
    assert left.is_socket()
    assert left.is_relative_to(short_folder)
    assert socket_folder(environ) == left.parent
    assert not left.exists()


def test_a_folder_open_to_others_is_refused(short_folder: Path) -> None:
    (short_folder / "fleet-tunnels").mkdir()
    (short_folder / "fleet-tunnels").chmod(0o755)
    with pytest.raises(PermissionError, match="not ours alone"):
        socket_folder({"XDG_RUNTIME_DIR": str(short_folder)})
