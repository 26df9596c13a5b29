"""A real server of each kind for the session, emptied for each test."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.fixtures import Lab
from tests.storage.programs import served
from tests.storage.servers import COMMUNITY, EDITIONS, Server, community_server


def _folder() -> Path:
    # Not pytest's own: those are closed to the account that a root's server runs as.
    return Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))


@pytest.fixture(scope="session")
def made_dir() -> Iterator[Path]:
    """A data directory whose server was started and stopped once."""
    folder = _folder()
    with served(folder):
        pass
    with (folder / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("fsync = off\n")  # tests kill processes, not the machine
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data_dir(made_dir: Path) -> Iterator[Path]:
    """A copy of `made_dir`, to break."""
    folder = _folder()
    subprocess.run(["cp", "-a", f"{made_dir}/.", str(folder)], check=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_dir() -> Iterator[Path]:
    folder = _folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def embedded(made_dir: Path) -> Iterator[Server]:
    """A running embedded server that no test may break."""
    folder = _folder()
    subprocess.run(["cp", "-a", f"{made_dir}/.", str(folder)], check=True)
    with served(folder) as program:
        yield Server("embedded", program.conninfo)
    shutil.rmtree(folder)


@pytest.fixture(scope="session", params=EDITIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each edition in turn, or the kinds that a test names; no test may break it."""
    if request.param == "embedded":
        yield request.getfixturevalue("embedded")
    elif request.param == COMMUNITY:
        with community_server() as community:
            yield community
    else:
        lab: Lab = request.getfixturevalue("session_lab")
        yield Server(request.param, lab.postgres(request.param).url)


@pytest.fixture
def conninfo(server: Server) -> str:
    """An empty database on each `server` in turn."""
    return server.emptied()


@pytest.fixture
def fresh_conninfo(server: Server) -> str:
    """A database without rows on each `server` in turn, prepared or empty."""
    return server.fresh()


@pytest.fixture
def fresh_embedded(embedded: Server) -> str:
    """A database without rows on the embedded server, prepared already."""
    return embedded.fresh()


@pytest.fixture
def embedded_conninfo(embedded: Server) -> str:
    """An empty database on the embedded server, where the kind makes no difference."""
    return embedded.emptied()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The folder of a spool."""
    return tmp_path / "spool"
