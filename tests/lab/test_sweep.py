"""What a killed owner leaves behind is removed by the next one, and nothing else is."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.engines import Engine, answers
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.lab.owners import BASE, locked, run_folders
from tests.lab.reap import CGROUP_PARENT, CGROUPS, processes_of
from tests.lab.runs import run_folder
from tests.lab.sweep import namespace_name, sweep

PATIENCE = 60.0
OWNER = """
import sys
from tests.lab.engines import Engine
from tests.lab.networks import Namespace
from tests.lab.runs import new_part, run, run_folder
from tests.lab.sshd import Sshd

host = Namespace()
server = Sshd(host)
docker = Engine.start("debian12", namespace=host, bridge=True)
docker.run_containers(2)
podman = Engine.start("podman")
podman.run_containers(2)
mounted = new_part("m") / "here", new_part("m")
mounted[0].mkdir()
for folder in mounted:
    run(["mount", "-t", "tmpfs", "tmpfs", folder])
print(run_folder(), host.name, flush=True)
sys.stdin.read()
"""


@contextmanager
def _owner() -> Iterator[tuple[subprocess.Popen[str], Path, str]]:
    try:
        run_folder()
    except MissingPartError as error:
        skip_or_fail(str(error))
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        folder, namespace = process.stdout.readline().split()
        yield process, Path(folder), namespace


def _left_of(folder: Path) -> list[str]:
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    cgroups = [str(path) for path in CGROUPS.glob(f"*/{CGROUP_PARENT}/{folder.name}")]
    pids = [str(pid) for pid in processes_of(folder)]
    return [*pids, *cgroups, *(line for line in mounts if str(folder) in line)]


def _is_gone(namespace: str) -> bool:
    """Whether a network is gone, or its number another's already, who takes the lowest free one."""
    number = namespace.removeprefix(namespace_name(0).removesuffix("0"))
    with locked():
        claims = [folder / "nets" / number for folder in run_folders()]
        return any(map(Path.exists, claims)) or not Path(f"/run/netns/{namespace}").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, None], ids=["killed", "ended"])
def test_nothing_is_left_of_an_owner(number: signal.Signals | None, engine_2010: Engine) -> None:
    with _owner() as (process, folder, namespace):
        assert folder.parent == BASE
        assert folder not in sweep(), "a living owner is left alone"
        assert len(processes_of(folder)) > 8
        if number is None:
            assert process.stdin
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
        else:
            with locked():  # or somebody else, who has just begun, sweeps before we look
                process.send_signal(number)
                process.wait(PATIENCE)
                assert processes_of(folder), "a killed owner cleans nothing up"
            sweep()  # or somebody else does it
        assert _left_of(folder) == []
        assert not folder.exists()
        assert _is_gone(namespace)
    assert answers(engine_2010.socket, PATIENCE), "the parts of others are left alone"
