"""Docker's own configuration, made with its own command and read as docker reads it."""

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.models import LocalHost, SshHost, TcpHost, TlsFiles
from connectors.contexts import (
    ContextError,
    docker_contexts,
    find_local_engine,
    host_of_address,
)
from tests.lab.cache import docker_cli
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import Lab, skip_or_fail


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker configuration of its own: the SDK looks for it in this process's environment."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def docker(*words: str) -> None:
    try:
        command = [docker_cli(), *words]
    except MissingPartError as error:
        skip_or_fail(str(error))
    subprocess.run(command, check=True, capture_output=True)


def test_contexts_of_every_kind_become_hosts(folder: Path, lab: Lab) -> None:
    authority = lab.authority()
    own = authority.client()
    docker("context", "create", "edge", "--docker", "host=ssh://fleet@10.0.0.5:2222")
    docker("context", "create", "here", "--docker", "host=unix:///run/user/1000/docker.sock")
    files = f"ca={own.ca},cert={own.cert},key={own.key}"
    docker("context", "create", "db", "--docker", f"host=tcp://10.0.0.9:2376,{files}")
    docker("context", "use", "db")
    found = {context.name: context for context in docker_contexts({})}
    assert set(found) == {"default", "edge", "here", "db"}
    assert [name for name, context in found.items() if context.is_current] == ["db"]
    edge = found["edge"].host
    assert isinstance(edge, SshHost)
    assert (edge.address, edge.port, edge.username) == ("10.0.0.5", 2222, "fleet")
    assert found["here"].host == LocalHost(name="here", socket=Path("/run/user/1000/docker.sock"))
    db = found["db"].host
    assert isinstance(db, TcpHost)
    assert (db.address, db.port, db.insecure) == ("10.0.0.9", 2376, False)
    assert db.tls is not None
    assert db.tls.ca_file is not None
    assert db.tls.ca_file.read_bytes() == own.ca.read_bytes()
    assert db.tls.key_file is not None
    assert db.tls.key_file.is_relative_to(folder)
    assert find_local_engine({}) == db
    assert find_local_engine({"DOCKER_CONTEXT": "edge"}) == edge


def test_what_cannot_be_expressed_says_why(folder: Path) -> None:
    docker("context", "create", "win", "--docker", "host=ssh://10.0.0.5")
    meta = next(folder.rglob("meta.json"))
    meta.write_text(meta.read_text().replace("ssh://10.0.0.5", "npipe:////./pipe/docker_engine"))
    found = {context.name: context for context in docker_contexts({})}
    assert found["win"].host is None
    assert "cannot reach" in found["win"].note
    with pytest.raises(ContextError, match="'win' cannot be used"):
        find_local_engine({"DOCKER_CONTEXT": "win"})
    with pytest.raises(ContextError, match="no docker context 'gone'"):
        find_local_engine({"DOCKER_CONTEXT": "gone"})


def test_a_corrupt_context_is_an_error_for_people(folder: Path) -> None:
    docker("context", "create", "edge", "--docker", "host=ssh://10.0.0.5")
    next(folder.rglob("meta.json")).write_text("{")
    with pytest.raises(ContextError, match="cannot be read"):
        docker_contexts({})


def test_contexts_need_no_configuration_file(folder: Path) -> None:
    """Docker writes `config.json` only with the first setting; its contexts are there before."""
    (folder / "config.json").unlink()
    docker("context", "create", "edge", "--docker", "host=ssh://fleet@10.0.0.5")
    assert not (folder / "config.json").exists()
    found = {context.name: context for context in docker_contexts({})}
    assert set(found) == {"default", "edge"}
    assert found["default"].is_current
    assert find_local_engine({"DOCKER_CONTEXT": "edge"}) == found["edge"].host


def test_a_context_with_an_authority_alone_is_secure(folder: Path, lab: Lab) -> None:
    assert folder.is_dir()
    authority = lab.authority()
    docker("context", "create", "db", "--docker", f"host=tcp://10.0.0.9:2376,ca={authority.ca}")
    host = docker_contexts({})[1].host
    assert isinstance(host, TcpHost)
    assert not host.insecure
    assert host.tls is not None
    assert host.tls.ca_file is not None
    assert host.tls.cert_file is None


def test_a_corrupt_configuration_is_an_error_for_people(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(ContextError, match=r"config\.json cannot be read"):
        docker_contexts({})


def test_docker_host_wins_over_the_context(folder: Path) -> None:
    assert folder.is_dir()
    docker("context", "create", "edge", "--docker", "host=ssh://10.0.0.5")
    docker("context", "use", "edge")
    found = find_local_engine({"DOCKER_HOST": "unix:///run/other.sock"})
    assert found == LocalHost(name="local", socket=Path("/run/other.sock"))


def test_docker_s_tls_variables_are_followed() -> None:
    plain = find_local_engine({"DOCKER_HOST": "tcp://10.0.0.9:2375"})
    assert isinstance(plain, TcpHost)
    assert (plain.tls, plain.insecure) == (None, True)
    secure = find_local_engine(
        {"DOCKER_HOST": "tcp://10.0.0.9:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c"}
    )
    assert isinstance(secure, TcpHost)
    assert secure.tls == TlsFiles(
        ca_file=Path("/c/ca.pem"), cert_file=Path("/c/cert.pem"), key_file=Path("/c/key.pem")
    )
    assert not secure.insecure


def test_ssh_addresses_leave_open_what_they_do_not_say() -> None:
    host = host_of_address("a", "ssh://build-box", None)
    assert isinstance(host, SshHost)
    assert (host.address, host.port, host.username) == ("build-box", None, None)
    deep = host_of_address("a", "ssh://me@[fd00::5]:2200/run/user/5/docker.sock", None)
    assert isinstance(deep, SshHost)
    assert (deep.address, deep.port, deep.socket) == ("fd00::5", 2200, "/run/user/5/docker.sock")


@pytest.mark.parametrize("address", ["tcp://10.0.0.9", "ftp://x", "tcp://:99999", "fd://3"])
def test_malformed_addresses_are_refused(address: str) -> None:
    with pytest.raises(ContextError):
        host_of_address("a", address, None)


@pytest.fixture
def runtime() -> Iterator[Path]:
    """Pytest's own folders are too long for the address of a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


@pytest.mark.skipif(Path("/var/run/docker.sock").exists(), reason="the machine has an Engine")
def test_rootless_and_podman_sockets_are_found(folder: Path, runtime: Path) -> None:
    assert folder.is_dir()
    environ = {"XDG_RUNTIME_DIR": str(runtime)}
    nothing = find_local_engine(environ)
    assert nothing == LocalHost(name="local", socket=Path("/var/run/docker.sock"))
    (runtime / "podman").mkdir()
    with socket.socket(socket.AF_UNIX) as podman, socket.socket(socket.AF_UNIX) as docker_socket:
        podman.bind(str(runtime / "podman" / "podman.sock"))
        assert find_local_engine(environ) == LocalHost(
            name="local", socket=runtime / "podman" / "podman.sock"
        )
        docker_socket.bind(str(runtime / "docker.sock"))
        assert find_local_engine(environ) == LocalHost(name="local", socket=runtime / "docker.sock")
