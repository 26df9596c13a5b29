"""The local socket: there, answering, and ours to open."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.models import LocalHost
from connectors.connect import connect
from connectors.errors import AuthenticationError, UnreachableError
from connectors.local import socket_error
from tests.connectors.reach import ask
from tests.lab.engines import Engine


@pytest.fixture
def folder() -> Iterator[Path]:
    """Pytest's own folders are too long for the address of a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


async def test_the_socket_is_the_endpoint(engine_2010: Engine) -> None:
    async with connect(LocalHost(name="here", socket=engine_2010.socket)) as endpoint:
        assert (endpoint.uds, endpoint.via) == (engine_2010.socket, "direct")
        assert b"200 OK" in await ask(endpoint)


async def test_what_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(UnreachableError, match=r"there is no socket .*/none.*is Docker running"):
        async with connect(LocalHost(name="here", socket=folder / "none")):
            pass
    (folder / "file").touch()
    with pytest.raises(UnreachableError, match="is not a socket"):
        async with connect(LocalHost(name="here", socket=folder / "file")):
            pass
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "dead"))
    with pytest.raises(UnreachableError, match="nobody listens"):
        async with connect(LocalHost(name="here", socket=folder / "dead")):
            pass


def test_a_forbidden_socket_names_the_group_to_join(folder: Path) -> None:
    """As another user, in a child: the tests themselves may be root's, whom nothing stops."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen()
        folder.chmod(0o755)
        (folder / "s").chmod(0o600)
        error = _error_as_nobody(folder / "s") if os.geteuid() == 0 else _error(folder / "s")
    assert error is not None
    told = socket_error(LocalHost(name="here", socket=folder / "s"), error)
    assert isinstance(told, AuthenticationError)
    assert "usermod -aG docker" in str(told)


def _error(path: Path) -> OSError | None:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError as error:
            return error
    return None


def _error_as_nobody(path: Path) -> OSError | None:
    os.seteuid(65534)
    try:
        return _error(path)
    finally:
        os.seteuid(0)
