"""Commands over the SSH connection: what comes back, and what does not."""

import pytest
import trio

from connectors import ssh_run
from connectors.connect import connect
from connectors.endpoint import Endpoint
from connectors.errors import CommandError
from tests.connectors.reach import PING, ask, ssh_host, until
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.sshd import Sshd

FORBIDDEN = {"AllowStreamLocalForwarding": "no"}
EVENTS = b"GET /events HTTP/1.1\r\nHost: docker\r\n\r\n"


@pytest.fixture(scope="module")
def sshd(module_lab: Lab) -> Sshd:
    return module_lab.sshd()


async def run(endpoint: Endpoint, script: str) -> str:
    assert endpoint.run is not None
    with trio.fail_after(60):
        return await endpoint.run(["sh", "-c", script])


async def test_a_command_gives_its_output_and_leaves_nothing(
    sshd: Sshd, engine_2010: Engine
) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        before = set(sshd.session_processes())
        assert await run(endpoint, "echo one; echo error >&2; echo 'two  words'; exit 3") == (
            "one\ntwo  words\n"
        )
        assert await run(endpoint, "cat") == ""  # its input has an end
        assert endpoint.run is not None
        odd = "  'a' \"b\" $HOME `id` $(id) \\ * ~ # ; & |"
        assert await endpoint.run(["printf", "%s.", odd, "--"]) == f"{odd}.--."
        assert await endpoint.run(["no-such-command"]) == ""
        await until(lambda: set(sshd.session_processes()) <= before, "the commands' processes end")
        assert b"200 OK" in await ask(endpoint, PING)


async def test_a_command_that_hangs_is_given_up_and_ended(
    sshd: Sshd, engine_2010: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_run, "PATIENCE", 1.0)
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        before = set(sshd.session_processes())
        with pytest.raises(CommandError, match="no answer within 1 s"):
            await run(endpoint, "exec sleep 600")
        await until(lambda: set(sshd.session_processes()) <= before, "it is ended there")
        assert await run(endpoint, "echo on") == "on\n"


async def test_endless_output_is_cut_off(sshd: Sshd, engine_2010: Engine) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        before = set(sshd.session_processes())
        with pytest.raises(CommandError, match=r"more than 262,144 bytes"):
            await run(endpoint, "exec yes")
        await until(lambda: set(sshd.session_processes()) <= before, "it is ended there")


async def test_giving_up_ends_the_command(sshd: Sshd, engine_2010: Engine) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        before = set(sshd.session_processes())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, endpoint, "exec sleep 600")
            await until(lambda: set(sshd.session_processes()) - before, "it runs")
            nursery.cancel_scope.cancel()
        await until(lambda: set(sshd.session_processes()) <= before, "it is ended there")


async def test_without_sessions_it_says_so_and_the_engine_is_still_there(
    lab: Lab, engine_2010: Engine
) -> None:
    none = lab.sshd(options={"MaxSessions": "0"})
    async with connect(ssh_host(none, engine_2010.socket)) as endpoint:
        assert endpoint.via == "streamlocal"
        for what in ("no SSH session", "too few SSH sessions"):
            with pytest.raises(CommandError, match=what):
                await run(endpoint, "echo on")
        assert b"200 OK" in await ask(endpoint, PING)


@pytest.mark.parametrize("most", [10, 3])
async def test_beside_dial_stdio_it_leaves_the_engine_the_few_sessions_there_are(
    lab: Lab, engine_2010: Engine, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_run, "PATIENCE", 30.0)
    narrow = lab.sshd(options={**FORBIDDEN, "MaxSessions": str(most)})
    answers = []
    async with connect(ssh_host(narrow, engine_2010.socket)) as endpoint:

        async def asked() -> None:
            answers.append(b"200 OK" in await ask(endpoint, PING))

        async def ran() -> None:
            try:
                answers.append(await run(endpoint, "echo on") == "on\n")
            except CommandError:  # they are left to the Engine
                answers.append(most == 3)

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for _ in range(6):
                    nursery.start_soon(asked)
                    nursery.start_soon(ran)
        assert answers == [True] * 12


async def test_a_forced_command_does_no_harm(lab: Lab, engine_2010: Engine) -> None:
    forced = lab.sshd(options={"ForceCommand": "echo forced"})
    async with connect(ssh_host(forced, engine_2010.socket)) as endpoint:
        assert await run(endpoint, "echo on") == "forced\n"
        assert b"200 OK" in await ask(endpoint, PING)


async def test_a_lost_connection_is_told(lab: Lab, engine_2010: Engine) -> None:
    sshd = lab.sshd()
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        sshd.kill_sessions()
        with trio.fail_after(20):
            await endpoint.lost()
        with pytest.raises(CommandError):
            await run(endpoint, "echo on")
