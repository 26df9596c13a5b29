"""`fleet status` over SSH hosts, cold, beside `docker -H ssh://... info` run on all at once.

`python -m bench.status` starts one real Engine and one sshd for each host, in a network of its
own. No fleet is running, so `fleet status` connects to every host itself. Wall time, and CPU of
the client's side (its ssh processes too); the hosts' side is left out. Medians of several turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.lab.cache import docker_cli
from tests.lab.engines import Engine
from tests.lab.networks import Namespace
from tests.lab.runs import new_part
from tests.lab.sshd import Sshd

Timed = tuple[float, float]


def timed(commands: Sequence[Sequence[str]], environment: dict[str, str]) -> Timed:
    """Run all commands side by side; seconds of wall time and of CPU, their children's too."""
    words = [sys.executable, "-m", "bench.timed", json.dumps(commands)]
    said = json.loads(subprocess.check_output(words, env=environment))
    if any(said["codes"]):
        raise RuntimeError(f"{commands[0]} ended with {said['codes']}")
    return said["wall"], said["cpu"]


def _write_config(folder: Path, servers: Sequence[Sshd], engine: Engine) -> Path:
    config = folder / "hosts.toml"
    hosts = (
        f'[hosts.h{number}]\nconnection = "ssh"\naddress = "{server.address}"\n'
        f'port = {server.port}\nusername = "{server.username}"\n'
        f'key_file = "{server.client_key}"\nknown_hosts_file = "{server.known_hosts}"\n'
        f'socket = "{engine.socket}"\nagent = false\n'
        for number, server in enumerate(servers)
    )
    settings = f'[fleet]\ndata_dir = "{folder / "data"}"\nlisten = "127.0.0.1:1"\n'
    config.write_text(settings + "".join(hosts))
    return config


def _write_ssh_config(folder: Path, servers: Sequence[Sshd]) -> dict[str, str]:
    """Let docker's ssh find its keys; it takes no options, so an own `ssh` comes first in PATH."""
    options = "".join(
        f"Host {server.address}\n IdentityFile {server.client_key}\n IdentitiesOnly yes\n"
        f" Port {server.port}\n User {server.username}\n UserKnownHostsFile {server.known_hosts}\n"
        for server in servers
    )
    (folder / "ssh_config").write_text(options)
    program = folder / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {folder / "ssh_config"} "$@"\n')
    program.chmod(0o755)
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": f"{program.parent}:{path}"}


def compare(servers: Sequence[Sshd], engine: Engine, turns: int) -> dict[str, Timed]:
    """Time all ways in turn; medians."""
    folder = new_part("b")
    config = _write_config(folder, servers, engine)
    environment = _write_ssh_config(folder, servers)
    fleet = [sys.executable, "-m", "fleet"]
    on_each: Callable[[str], list[list[str]]] = lambda word: [  # noqa: E731 - one expression
        [docker_cli(), "--host", f"ssh://{server.address}{engine.socket}", word]
        for server in servers
    ]
    ways: dict[str, list[list[str]]] = {
        "fleet status": [[*fleet, "status", "--config", str(config)]],
        "fleet status --no-stats": [[*fleet, "status", "--no-stats", "--config", str(config)]],
        "docker -H ssh:// info, all at once": on_each("info"),
        "docker -H ssh:// ps, all at once": on_each("ps"),
        "fleet --help": [[*fleet, "--help"]],
        "docker --help": [[docker_cli(), "--help"]],
    }
    found: dict[str, list[Timed]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, commands in ways.items():
            found[name].append(timed(commands, environment))
    return {name: _medians(times) for name, times in found.items()}


def _medians(times: Sequence[Timed]) -> Timed:
    walls, cpus = zip(*times, strict=True)
    return statistics.median(walls), statistics.median(cpus)


def show(title: str, times: dict[str, Timed]) -> None:
    """Print milliseconds, and ratios to the first way."""
    ours = times["fleet status"]
    print(f"\n{title}\n{'':<36} {'wall':>9} {'/fleet':>7} {'CPU':>9} {'/fleet':>7}")
    for name, (wall, cpu) in times.items():
        print(f"{name:<36} {wall * 1e3:>6.0f} ms {wall / ours[0]:>7.2f} ", end="")
        print(f"{cpu * 1e3:>6.0f} ms {cpu / ours[1]:>7.2f}")


def main() -> None:
    """Start the hosts and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--containers", type=int, default=5)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--engine", default="sid")
    options = parser.parse_args()
    with ExitStack() as stack:
        engine = stack.enter_context(Engine.start(options.engine))
        engine.run_containers(options.containers)
        lines = [stack.enter_context(Namespace()) for _ in range(options.hosts)]
        # sshd turns away some of many that dial at the same time, by default from ten on.
        servers = [stack.enter_context(Sshd(line, {"MaxStartups": "100"})) for line in lines]
        title = f"{options.hosts} SSH hosts before one Engine {engine.version}, "
        title += f"{options.containers} containers"
        show(title, compare(servers, engine, options.turns))


if __name__ == "__main__":
    main()
