"""Files and users that are odd: each ends one host's attempt with words, never the program."""

import base64
import os
import pwd
import random
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import trio

from config.models import LocalHost, SshHost, TcpHost, TlsFiles
from connectors.connect import connect
from connectors.errors import AuthenticationError, EngineError, HostKeyError, TlsError
from connectors.local import socket_error
from connectors.ssh_hops import plan_hops
from connectors.tls import make_context
from tests.connectors.reach import QUICK, ask, empty_file, ssh_host
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.sshd import Sshd
from tests.lab.tls import Authority

T = TypeVar("T")


@pytest.fixture(scope="module")
def sshd(module_lab: Lab) -> Sshd:
    return module_lab.sshd()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


async def promptly(work: Callable[[], T]) -> T:
    """Run what blocks, but not for ever: opening a pipe waits for its writer."""
    with trio.fail_after(10):
        return await trio.to_thread.run_sync(work, abandon_on_cancel=True)


def host_of(folder: Path, **changes: object) -> SshHost:
    config = empty_file(folder / "ssh_config")
    settings = {"name": "edge", "address": "h", "ssh_config_file": config, "agent": False}
    return SshHost(**(settings | changes))  # type: ignore[arg-type]  # a test's own dictionary


def damaged(key: bytes, chance: random.Random) -> bytes:
    """Return a key file whose armour is whole and whose content is not."""
    head, *body, tail = key.strip().split(b"\n")
    content = bytearray(base64.b64decode(b"".join(body)))
    for _ in range(chance.randrange(1, 4)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    return b"\n".join([head, base64.b64encode(content), tail]) + b"\n"


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_damaged_key_is_an_authentication_error(tmp_path: Path, kind: str) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(tmp_path / "key")], check=True
    )
    whole, refused = (tmp_path / "key").read_bytes(), 0
    chance = random.Random(3)  # noqa: S311 - the same damage in each run
    rounds = 25 if kind == "rsa" else 150  # reading one takes 70 ms
    (tmp_path / "damaged").touch(0o600)
    for _ in range(rounds):
        (tmp_path / "damaged").write_bytes(damaged(whole, chance))
        try:
            plan_hops(host_of(tmp_path, key_file=tmp_path / "damaged"), {"HOME": str(tmp_path)})
        except AuthenticationError:
            refused += 1
    assert refused > rounds // 3  # not every byte of a key matters


async def test_what_is_no_key_file_is_named(tmp_path: Path, pipe: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0" * 50)
    (tmp_path / "empty").touch()
    (tmp_path / "huge").write_bytes(b"x" * 300_000)
    cases = {
        pipe: "not a regular file",
        tmp_path: "regular file|directory",
        tmp_path / "binary": "not a private key",
        tmp_path / "empty": "not a private key",
        tmp_path / "huge": "larger",
        tmp_path / "none": "No such file",
        Path("/a\0b"): "cannot be read",
    }
    for file, said in cases.items():
        host = host_of(tmp_path, key_file=file)
        with pytest.raises(AuthenticationError, match=said):
            await promptly(partial(plan_hops, host, {"HOME": str(tmp_path)}))


async def test_a_secret_in_a_pipe_is_not_waited_for(tmp_path: Path, pipe: Path) -> None:
    host = host_of(tmp_path, password_file=pipe)
    with pytest.raises(AuthenticationError, match=r"pipe cannot be read.*not a regular file"):
        await promptly(partial(plan_hops, host, {"HOME": str(tmp_path)}))


@pytest.mark.parametrize(
    "text",
    [
        b"=\n",
        b'Match ""\n',
        b"Port many\n",
        b"Include /\n",
        b"Include ~nobody9/x\n",
        b"Include %s\n",
        b"IdentityFile ${NOT_SET_ANYWHERE}\n",
        b"UserKnownHostsFile ~nobody9/x\n",
        b"\xff\xfeH\0o\0s\0t\0",
        b'Host "\n',
    ],
)
def test_an_odd_ssh_configuration_is_an_error_of_the_host(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "odd"
    file.write_bytes(text.replace(b"%s", bytes(file)))
    with pytest.raises(EngineError, match=r"SSH configuration cannot be used: .+ssh_config_file"):
        plan_hops(host_of(tmp_path, ssh_config_file=file), {"HOME": str(tmp_path)})


async def test_an_identity_that_is_a_pipe_is_passed_over(tmp_path: Path, pipe: Path) -> None:
    (tmp_path / "odd").write_text(f"IdentityFile {pipe}\nIdentityFile {tmp_path}\n")
    host = host_of(tmp_path, ssh_config_file=tmp_path / "odd")
    (hop,) = await promptly(partial(plan_hops, host, {"HOME": str(tmp_path)}))
    assert not hop.key_files


async def test_odd_known_hosts_know_no_host(
    sshd: Sshd, engine_2010: Engine, tmp_path: Path, pipe: Path
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(os.urandom(5000))
    for file in (tmp_path / "empty", tmp_path / "binary", tmp_path, pipe):
        host = ssh_host(sshd, engine_2010.socket, known_hosts_file=file)
        with trio.fail_after(10), pytest.raises(HostKeyError, match="unknown"):
            async with connect(host):
                pass


async def test_odd_tls_files_are_named(lab: Lab, tmp_path: Path, pipe: Path) -> None:
    own = lab.authority().client()
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0" * 50)
    for file in (pipe, tmp_path, tmp_path / "empty", tmp_path / "binary", Path("/a\0b"), own.key):
        with pytest.raises(TlsError, match=r"cannot be read|holds no certificate"):
            await promptly(partial(make_context, "db", TlsFiles(ca_file=file), {}))
        if file == own.key:
            continue
        pair = TlsFiles(cert_file=own.cert, key_file=file)
        with pytest.raises(TlsError, match=r"cannot be read|holds no"):
            await promptly(partial(make_context, "db", pair, {}))


def test_a_password_beyond_what_openssl_takes_is_wrong(lab: Lab, tmp_path: Path) -> None:
    own = lab.authority().client("locked", passphrase="open sesame")
    (tmp_path / "long").write_text("x" * 3000)
    files = TlsFiles(cert_file=own.cert, key_file=own.key, key_password_file=tmp_path / "long")
    with pytest.raises(AuthenticationError, match=r"password for the key .* is wrong") as caught:
        make_context("db", files, {})
    assert "xxx" not in str(caught.getrepr(chain=True))


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> str:
    """A user with neither an entry in the user database nor a name in the environment."""

    def unknown(_number: int) -> pwd.struct_passwd:
        raise KeyError("getpwuid(): uid not found")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    return str(os.getuid())


async def test_a_user_without_a_name_gets_in(
    sshd: Sshd, engine_2010: Engine, nameless: str
) -> None:
    async with connect(ssh_host(sshd, engine_2010.socket)) as endpoint:
        assert b"200 OK" in await ask(endpoint)
    said = socket_error(LocalHost(name="here"), PermissionError(13, "Permission denied"))
    assert f"for the user {nameless}" in said.what


def test_a_user_without_a_home_is_told(
    tmp_path: Path, nameless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nameless
    monkeypatch.delenv("HOME")
    with pytest.raises(EngineError, match="home"):
        plan_hops(host_of(tmp_path), {})


async def test_a_name_that_no_certificate_can_have(lab: Lab) -> None:
    async def accept(stream: trio.SocketStream) -> None:
        await stream.aclose()

    authority: Authority = lab.authority()
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, accept, 0)
        port = listeners[0].socket.getsockname()[1]
        files = TlsFiles(ca_file=authority.ca, server_name=".lan")
        host = TcpHost(name="db", address="127.0.0.1", port=port, tls=files, monitoring=QUICK)
        with pytest.raises(TlsError, match=r"for \.lan.*server_name"):
            async with connect(host):
                pass
        nursery.cancel_scope.cancel()
