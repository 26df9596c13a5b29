"""Getting in over SSH: who is let in, whom we trust, and what we say when not."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from config.models import Monitoring
from connectors.connect import connect
from connectors.errors import (
    AuthenticationError,
    EngineError,
    HostKeyError,
    UnreachableError,
)
from tests.connectors.reach import ask, ssh_host, ssh_threads
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.sshd import Sshd
from tests.lab.waiting import wait_until


@pytest.fixture(scope="module")
def sshd(module_lab: Lab) -> Sshd:
    return module_lab.sshd()


async def test_an_engine_answers_through_a_private_socket(sshd: Sshd, engine_2010: Engine) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        assert endpoint.uds is not None
        assert (endpoint.via, endpoint.max_connections) == ("streamlocal", None)
        assert (await ask(endpoint)).startswith(b"HTTP/1.1 200 OK")
        assert endpoint.uds.stat().st_mode & 0o777 == 0o600
        assert endpoint.uds.parent.stat().st_mode & 0o777 == 0o700
        assert ssh_threads()
    assert not endpoint.uds.exists()
    assert not ssh_threads()


async def test_an_unknown_host_key_names_the_command_that_records_it(
    sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    host = ssh_host(sshd, engine_2010.socket, known_hosts_file=tmp_path / "none")
    with pytest.raises(HostKeyError, match=r"unknown.*fleet hosts trust edge"):
        async with connect(host):
            pass


async def test_a_changed_host_key_is_told_from_an_unknown_one(
    lab: Lab, sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    words = lab.sshd().known_hosts.read_text().split()
    known.write_text(f"[{sshd.address}]:{sshd.port} {words[1]} {words[2]}\n")
    with pytest.raises(HostKeyError, match="not the one on record"):
        async with connect(ssh_host(sshd, engine_2010.socket, known_hosts_file=known)):
            pass


async def test_a_host_without_the_kind_of_key_on_record_counts_as_changed(
    sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    await trio.run_process(
        ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "other")]
    )
    kind, key, *_ = (tmp_path / "other.pub").read_text().split()
    known = tmp_path / "known_hosts"
    known.write_text(f"[{sshd.address}]:{sshd.port} {kind} {key}\n")
    with pytest.raises(HostKeyError, match="not the one on record"):
        async with connect(ssh_host(sshd, engine_2010.socket, known_hosts_file=known)):
            pass


async def test_hashed_entries_and_broken_lines_are_understood(
    sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(sshd.known_hosts.read_text())
    command = ["ssh-keygen", "-q", "-H", "-f", str(known)]
    await trio.run_process(command, capture_stderr=True)
    known.write_text("no\nentry at all\n" + known.read_text())
    assert sshd.address not in known.read_text()
    async with connect(ssh_host(sshd, engine_2010.socket, known_hosts_file=known)):
        pass


async def test_a_key_recorded_for_the_address_does_not_vouch_for_the_name(
    sshd: Sshd, engine_2010: Engine
) -> None:
    with pytest.raises(HostKeyError, match="unknown"):
        async with connect(ssh_host(sshd, engine_2010.socket, address="localhost")):
            pass


async def test_a_refused_key_says_where_to_add_it(
    sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    host = ssh_host(sshd, engine_2010.socket, key_file=sshd.make_key(tmp_path / "stranger"))
    with pytest.raises(AuthenticationError, match=r"refused our keys.*stranger\.pub.*ssh-copy-id"):
        async with connect(host):
            pass


@pytest.fixture(scope="module")
def locked(module_lab: Lab) -> Sshd:
    return module_lab.sshd(passphrase="open sesame")


async def test_an_encrypted_key_wants_a_passphrase(locked: Sshd, engine_2010: Engine) -> None:
    with pytest.raises(AuthenticationError, match=r"client_key is encrypted.*key_password_file"):
        async with connect(ssh_host(locked, engine_2010.socket)):
            pass


async def test_a_passphrase_from_the_environment_opens_the_key(
    locked: Sshd, engine_2010: Engine
) -> None:
    host = ssh_host(locked, engine_2010.socket, key_password_env="PHRASE")
    async with connect(host, environ={"PHRASE": "open sesame"}) as endpoint:
        assert b"200 OK" in await ask(endpoint)
    with pytest.raises(AuthenticationError, match=r"passphrase for the key .* is wrong"):
        async with connect(host, environ={"PHRASE": "wrong"}):
            pass


@pytest.fixture
def agent(locked: Sshd, tmp_path: Path) -> Iterator[dict[str, str]]:
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    ask_pass = tmp_path / "ask"
    ask_pass.write_text("#!/bin/sh\necho open sesame\n")
    ask_pass.chmod(0o700)
    environ = {
        **os.environ,
        "SSH_AUTH_SOCK": str(socket),
        "SSH_ASKPASS": str(ask_pass),
        "SSH_ASKPASS_REQUIRE": "force",
    }
    try:
        wait_until(socket.exists, "the agent listens")
        subprocess.run(["ssh-add", locked.client_key], env=environ, check=True, capture_output=True)
        yield environ
    finally:
        process.kill()
        process.wait()


async def test_an_agent_opens_what_an_encrypted_key_cannot(
    locked: Sshd, engine_2010: Engine, agent: dict[str, str]
) -> None:
    host = ssh_host(locked, engine_2010.socket, agent=True)
    async with connect(host, environ=agent) as endpoint:
        assert b"200 OK" in await ask(endpoint)


async def test_an_alias_of_the_ssh_configuration_is_followed(
    sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host build-box\n  HostName {sshd.address}\n  Port {sshd.port}\n  User nobody\n"
        f"  IdentityFile {sshd.client_key}\n  IdentityFile {tmp_path}/missing\n"
        f"  UserKnownHostsFile {sshd.known_hosts}\n"
    )
    host = ssh_host(
        sshd,
        engine_2010.socket,
        address="build-box",
        port=None,
        key_file=None,
        known_hosts_file=None,
        ssh_config_file=config,
    )
    async with connect(host) as endpoint:  # our username wins over the file's
        assert b"200 OK" in await ask(endpoint)


async def test_a_jump_host_is_passed_and_checked(
    lab: Lab, sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    jump = lab.sshd(options={"AuthorizedKeysFile": f"{sshd.client_key}.pub"})
    both = tmp_path / "both"
    both.write_text(sshd.known_hosts.read_text() + jump.known_hosts.read_text())
    through = f"{jump.username}@{jump.address}:{jump.port}"
    host = ssh_host(sshd, engine_2010.socket, jump=through, known_hosts_file=both)
    async with connect(host) as endpoint:
        assert b"200 OK" in await ask(endpoint)
        assert jump.session_processes()
        jump.kill_sessions()
        with trio.fail_after(10):
            assert "SSH connection" in await endpoint.lost()
    with pytest.raises(HostKeyError, match=rf"\[{jump.address}\]:{jump.port} is unknown"):
        async with connect(ssh_host(sshd, engine_2010.socket, jump=through)):
            pass


async def test_a_missing_engine_is_told_in_the_remote_side_s_words(sshd: Sshd) -> None:
    with pytest.raises(UnreachableError, match=r"no Engine answers on /nowhere\.sock there"):
        async with connect(ssh_host(sshd, "/nowhere.sock")):
            pass


async def test_a_closed_port_says_so(sshd: Sshd, engine_2010: Engine) -> None:
    with pytest.raises(UnreachableError, match="refused the connection"):
        async with connect(ssh_host(sshd, engine_2010.socket, port=1)):
            pass


async def test_a_server_of_another_kind_says_so(
    sshd: Sshd, engine_2010: Engine, nursery: trio.Nursery
) -> None:
    async def greet(stream: trio.SocketStream) -> None:
        await stream.send_all(b"220 mail.example ESMTP\r\n")
        await stream.send_eof()

    listeners = await nursery.start(trio.serve_tcp, greet, 0)
    port = listeners[0].socket.getsockname()[1]
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:\d+ (does not speak|ended the)"):
        async with connect(ssh_host(sshd, engine_2010.socket, port=port)):
            pass
    nursery.cancel_scope.cancel()


async def test_a_silent_host_takes_no_longer_than_the_timeout(
    lab: Lab, engine_2010: Engine
) -> None:
    silent = lab.sshd()
    silent.pause()
    host = ssh_host(silent, engine_2010.socket, monitoring=Monitoring(connect_timeout=0.6))
    begun = trio.current_time()
    with pytest.raises(UnreachableError, match=r"no answer .* within 0\.6 s while connecting"):
        async with connect(host):
            pass
    assert trio.current_time() - begun < 10
    assert not ssh_threads()


async def test_a_malformed_ssh_configuration_names_file_and_line(
    sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("Host *\n  Port many\n")
    with pytest.raises(EngineError, match=r"config.*line 2"):
        async with connect(ssh_host(sshd, engine_2010.socket, ssh_config_file=config, port=None)):
            pass
