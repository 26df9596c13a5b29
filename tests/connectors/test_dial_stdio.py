"""Where forwarding is forbidden: few sessions, shared fairly, and no process left behind."""

import asyncio
import os
from pathlib import Path

import pytest
import trio

from connectors.connect import connect
from connectors.dial_stdio import SESSIONS, Sessions, command_for
from connectors.endpoint import Endpoint
from connectors.errors import AuthenticationError, UnreachableError
from tests.connectors.reach import PING, ask, ssh_host, ssh_threads, until
from tests.lab.cache import docker_cli
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.reap import MARK
from tests.lab.sshd import Sshd

FORBIDDEN = {"AllowStreamLocalForwarding": "no"}
EVENTS = b"GET /events HTTP/1.1\r\nHost: docker\r\n\r\n"


@pytest.fixture(scope="module")
def sshd(module_lab: Lab) -> Sshd:
    return module_lab.sshd(options=FORBIDDEN)


def dialers(sshd: Sshd) -> list[int]:
    """Return the remote processes that are no sshd."""
    found = []
    for pid in sshd.session_processes():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"dial-stdio" in words:
            found.append(pid)
    return found


async def test_a_forbidden_forwarding_falls_back(sshd: Sshd, engine_2010: Engine) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        assert (endpoint.via, endpoint.max_connections) == ("dial-stdio", SESSIONS)
        assert b"200 OK" in await ask(endpoint)
        await until(lambda: not dialers(sshd), "the remote process of the request ends")
    assert not ssh_threads()


@pytest.mark.parametrize("most", [10, 3])
async def test_more_clients_than_sessions_wait_for_each_other(
    lab: Lab, engine_2010: Engine, most: int
) -> None:
    """Also with a server that allows fewer sessions than we assume."""
    narrow = lab.sshd(options={**FORBIDDEN, "MaxSessions": str(most)})
    answers = []
    async with connect(ssh_host(narrow, engine_2010.socket)) as endpoint:

        async def one() -> None:
            answers.append(await ask(endpoint))

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for _ in range(14):
                    nursery.start_soon(one)
    assert len(answers) == 14
    assert all(b"200 OK" in answer for answer in answers)


async def test_closing_ends_the_remote_processes_of_open_streams(
    sshd: Sshd, engine_2010: Engine
) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        streams = [await follow(endpoint) for _ in range(4)]
        await until(lambda: len(dialers(sshd)) == 4, "four processes run")
    assert not dialers(sshd)
    for stream in streams:
        await stream.aclose()
    await until(lambda: not sshd.session_processes(), "sshd's sessions end")


async def follow(endpoint: Endpoint) -> trio.SocketStream:
    stream = await trio.open_unix_socket(str(endpoint.uds))
    await stream.send_all(EVENTS)
    with trio.fail_after(10):
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
    return stream


async def test_a_process_that_ignores_the_end_of_its_input_is_terminated(
    lab: Lab, engine_2010: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """A dial-stdio that hangs on its output (moby/moby#46076), with the signal that ends it."""
    sshd = lab.sshd(options=FORBIDDEN)
    hanging = sshd.folder / "docker"
    hanging.write_text(f'#!/bin/bash\n{docker_cli()} "$@"\nexec -a dial-stdio sleep 600\n')
    hanging.chmod(0o755)
    sshd.options["SetEnv"] = f'PATH={sshd.folder}:{os.environ["PATH"]} "{MARK}={sshd.folder}"'
    sshd.kill()
    sshd.start_again()
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        stream = await follow(endpoint)
        assert dialers(sshd)
        await stream.aclose()
        await until(lambda: not dialers(sshd), "the hanging process is terminated")
    assert "did not end" not in caplog.text


async def test_no_process_is_started_for_clients_that_gave_up_waiting(
    lab: Lab, engine_2010: Engine
) -> None:
    sshd = lab.sshd(options=FORBIDDEN)
    started = sshd.folder / "started"
    counting = sshd.folder / "docker"
    counting.write_text(f'#!/bin/sh\necho >> {started}\nexec {docker_cli()} "$@"\n')
    counting.chmod(0o755)
    sshd.options["SetEnv"] = f'PATH={sshd.folder}:/usr/bin:/bin "{MARK}={sshd.folder}"'
    sshd.kill()
    sshd.start_again()
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        streams = [await follow(endpoint) for _ in range(SESSIONS)]
        before = started.read_text().count("\n")
        for _ in range(20):
            await ask_and_go(endpoint)
        await streams.pop().aclose()
        assert b"200 OK" in await ask(endpoint)  # it came after all the others
        # One of the twenty may have had its turn before the tunnel heard that it left.
        assert started.read_text().count("\n") <= before + 3
        for stream in streams:
            await stream.aclose()


async def ask_and_go(endpoint: Endpoint) -> None:
    async with await trio.open_unix_socket(str(endpoint.uds)) as stream:
        await stream.send_all(EVENTS)


async def test_a_client_that_ends_its_input_early_is_still_answered(
    sshd: Sshd, engine_2010: Engine
) -> None:
    """As `printf ... | socat - UNIX:...` does: the end is there before the channel is."""
    async with (
        connect(ssh_host(sshd, engine_2010.socket)) as endpoint,
        await trio.open_unix_socket(str(endpoint.uds)) as stream,
    ):
        await stream.send_all(PING)
        await stream.send_eof()
        with trio.fail_after(10):
            assert b"200 OK" in b"".join([part async for part in stream])


async def test_neither_way_says_what_both_lack(
    lab: Lab, engine_2010: Engine, tmp_path: Path
) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    bare = lab.sshd(options={**FORBIDDEN, "SetEnv": f"PATH={tmp_path}"})
    with pytest.raises(UnreachableError, match=r"no docker command.*AllowStreamLocalForwarding"):
        async with connect(ssh_host(bare, engine_2010.socket)):
            pass


async def test_a_user_without_rights_is_told_to_join_the_group(
    lab: Lab, engine_2010: Engine
) -> None:
    said = "permission denied while trying to connect to the Docker daemon socket"
    sshd = lab.sshd(options={**FORBIDDEN, "ForceCommand": f"echo {said} >&2; exit 1"})
    with pytest.raises(AuthenticationError, match="group docker"):
        async with connect(ssh_host(sshd, engine_2010.socket)):
            pass


async def test_a_session_is_handed_to_the_longest_waiting() -> None:
    async def scene() -> list[int]:
        sessions = Sessions(limit=1, queue=2)
        assert await sessions.acquire(None)
        served: list[int] = []

        async def wait(number: int) -> None:
            if await sessions.acquire(number):
                served.append(number)

        tasks = [asyncio.create_task(wait(number)) for number in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        sessions.release()
        await asyncio.wait(tasks)
        return served

    assert await trio.to_thread.run_sync(asyncio.run, scene()) == [1]


def test_only_another_socket_than_docker_s_own_is_named() -> None:
    assert command_for("/var/run/docker.sock") == "docker system dial-stdio"
    assert command_for("/run/a b.sock") == "docker -H 'unix:///run/a b.sock' system dial-stdio"
