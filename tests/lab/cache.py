"""Where fetched programs live between runs, and which Engines there are."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.lab.errors import MissingPartError

ENGINE_SUITES = {"debian12": "bookworm", "trixie": "trixie", "sid": "sid"}
"""Kind of Engine -> Debian suite whose packages it comes from (20.10, 26.1, 28.5 so far)."""

KINDS = (*ENGINE_SUITES, "podman")


def cache_folder() -> Path:
    """Return the cache: ``FLEET_LAB_CACHE`` or ``~/.cache/fleet-lab``."""
    return Path(os.environ.get("FLEET_LAB_CACHE") or "~/.cache/fleet-lab").expanduser()


def program(name: str, package: str) -> str:
    """Return the path of a program of the machine.

    Raises:
        MissingPartError: it is not installed; the message names the package.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        raise MissingPartError(f"{name} is not installed (package {package})")
    return found


def engine_folder(kind: str) -> Path:
    """Return the folder with the programs of an Engine of this kind.

    Raises:
        MissingPartError: it has not been fetched.
    """
    if kind == "podman":
        program("conmon", "conmon")
        return Path(program("podman", "podman")).parent
    folder = cache_folder() / "engines" / kind
    if not (folder / "dockerd").exists():
        raise MissingPartError(f"Engine {kind} is not fetched (python -m tests.lab.packages)")
    return folder


def runc() -> Path:
    """Return Debian 12's runc, which runs on every newer system too.

    Raises:
        MissingPartError: it has not been fetched.
    """
    path = cache_folder() / "engines" / "debian12" / "runc"
    if not path.exists():
        raise MissingPartError("runc is not fetched (python -m tests.lab.packages)")
    return path


def docker_cli() -> str:
    """Return the docker command line of the machine, else the fetched one of Engine 20.10."""
    return shutil.which("docker") or str(engine_folder("debian12") / "docker")


@functools.cache
def engine_version(kind: str) -> str:
    """Return the version of an Engine as its program says it, such as ``20.10.24``."""
    folder = engine_folder(kind)
    binary = folder / ("podman" if kind == "podman" else "dockerd")
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"\d+\.\d+\.\d+", said)
    return match.group() if match else said.strip()
