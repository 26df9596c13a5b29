"""Install and fetch what the lab needs: ``python -m tests.lab.packages [--refresh]``.

Programs of the machine come with apt (root on Debian only). Engines of several versions, and
PostgreSQL with TimescaleDB, come from Debian's suites by a private apt state and are unpacked into
the cache, never installed. All of it is quick when already there.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.apt import KEYRING, PrivateApt, say
from tests.lab.cache import ENGINE_SUITES, KINDS, cache_folder, engine_version, program
from tests.lab.errors import MissingPartError
from tests.lab.postgres_programs import fetch_postgres

MACHINE_PROGRAMS = {
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "busybox": "busybox-static",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "patchelf": "patchelf",
    "setpriv": "util-linux",
    "podman": "podman",
    "conmon": "conmon",
    "caddy": "caddy",
    "haproxy": "haproxy",
    "nginx": "nginx",
    "prometheus": "prometheus",
    "redis-server": "redis-server",
    "docker-compose": "docker-compose",
    "systemd-analyze": "systemd",
    "chromium": "chromium",
}

_ENGINE_FILES = {
    "dockerd": "usr/sbin/dockerd",
    "docker-proxy": "usr/sbin/docker-proxy",
    "docker": "usr/bin/docker",
    "containerd": "usr/bin/containerd",
    "containerd-shim-runc-v2": "usr/bin/containerd-shim-runc-v2",
    "runc": "usr/sbin/runc",
}


def missing_programs() -> dict[str, str]:
    """Return the machine's missing programs with the Debian package of each."""
    missing = {}
    for name, package in MACHINE_PROGRAMS.items():
        try:
            program(name, package)
        except MissingPartError:
            missing[name] = package
    return missing


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None and KEYRING.exists()


def install_programs() -> None:
    """Install what is missing on the machine with apt."""
    missing = sorted(set(missing_programs().values()))
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    _machine_apt("install", "-y", "--no-install-recommends", *missing)


def _machine_apt(*words: str) -> None:
    # RUNLEVEL=1: the packages' daemons (sshd) are not started, the lab runs its own.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *words]
    subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)


def fetch_engines(*, refresh: bool = False) -> None:
    """Fetch each kind of Engine that the cache lacks, or all of them anew, several at a time."""
    folder = cache_folder()
    engines = folder / "engines"
    engines.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = {k: s for k, s in ENGINE_SUITES.items() if refresh or not (engines / k).exists()}
        if not wanted:
            return
        with tempfile.TemporaryDirectory(dir=folder) as name, ThreadPoolExecutor() as threads:
            fetches = [threads.submit(_fetch_engine, *one, Path(name)) for one in wanted.items()]
            for fetch in fetches:
                fetch.result()


def _fetch_engine(kind: str, suite: str, work: Path) -> None:
    begun = time.monotonic()
    say(f"fetching the Engine of Debian {suite}")
    root, ready = work / f"{kind}-root", work / kind
    # An apt state of one suite: each command reads all lists of its state anew.
    apt = PrivateApt(work / f"{kind}-apt", suite)
    apt.unpack(["docker.io", "containerd", "runc"], root)
    ready.mkdir()
    for name, inside in _ENGINE_FILES.items():
        # Only the oldest runc is taken: newer ones need a newer libc than Debian 12 has.
        if (root / inside).exists() and (name != "runc" or kind == "debian12"):
            (root / inside).rename(ready / name)
    target = cache_folder() / "engines" / kind
    if target.exists():
        target.rename(work / f"{kind}-old")
    ready.rename(target)
    shutil.rmtree(root)
    say(f"Engine {engine_version(kind)} ({kind}) is there, {time.monotonic() - begun:.1f} s")


def _install_and_fetch(*, refresh: bool) -> None:
    """Everything at once: most of it waits for the network, or for one processor to unpack."""
    if missing_programs():
        _machine_apt("update")  # first: its lists say which mirror is used
    with ThreadPoolExecutor() as threads:
        engines = threads.submit(fetch_engines, refresh=refresh)
        install_programs()  # before PostgreSQL, which is patched by one of them
        fetch_postgres(refresh=refresh)
        engines.result()


def main(words: list[str]) -> None:
    """Install and fetch where that is possible; elsewhere say what is missing."""
    if not _may_install():
        names = ", ".join(f"{name} ({package})" for name, package in missing_programs().items())
        say("not root on Debian: nothing is installed, tests that need the lab are skipped")
        say(f"missing programs: {names or 'none'}")
        return
    try:
        _install_and_fetch(refresh="--refresh" in words)
        versions = ", ".join(f"{engine_version(kind)} ({kind})" for kind in KINDS)
        say(f"Engines: {versions}")
    except (subprocess.CalledProcessError, MissingPartError) as error:
        say(f"{error}: tests that need what is missing are skipped, in CI they fail")


if __name__ == "__main__":
    main(sys.argv[1:])
