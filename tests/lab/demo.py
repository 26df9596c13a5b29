"""A fleet of three real Engines on this machine: ``python -m tests.lab.demo [--no-fleet]``.

One is reached by its socket, one behind sshd, one by TCP with mutual TLS; each has a network of its
own and another version. Ctrl-C or SIGTERM removes all of it.
"""

import argparse
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.lab.cache import docker_cli
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.errors import LabError, MissingPartError
from tests.lab.networks import Namespace
from tests.lab.parts import Part
from tests.lab.ports import accepts, free_port
from tests.lab.reap import marked_environment
from tests.lab.runs import new_part
from tests.lab.sshd import Sshd
from tests.lab.tls import Authority, TlsFiles
from tests.lab.workloads import WORKLOADS

PORT = 8080
KINDS = {"local": "debian12", "edge-1": "trixie", "db-1": "sid"}


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"demo: {text}", flush=True)


class Demo(Part):
    """The three Engines with their containers, and a ``hosts.toml`` that names them.

    Attributes:
        config: the ``hosts.toml``.
        engines: host name -> Engine.
        networks: host name -> its network, to break the line with.
        server: the sshd in front of ``edge-1``.
        listen: address and port that fleet is told to listen on.
    """

    def __init__(
        self,
        extra: int = 0,
        workloads: Mapping[str, Mapping[str, ContainerSpec]] = WORKLOADS,
        more: str = "",
        port: int | None = None,
    ) -> None:
        """Start everything, with ``extra`` idle containers more on each host.

        ``workloads`` are by host and container; ``more`` is added to the ``hosts.toml``; without
        ``port`` fleet listens on any that is free.
        """
        self._workloads = workloads
        self._more = more
        self.folder = new_part("f")
        self.config = self.folder / "hosts.toml"
        self.listen = f"127.0.0.1:{port or free_port()}"
        self.engines: dict[str, Engine] = {}
        self.networks: dict[str, Namespace] = {}
        self._stack = ExitStack()
        try:
            self._start(extra)
        except BaseException:
            self.close()
            raise

    def _start(self, extra: int) -> None:
        for name in KINDS:
            self.networks[name] = self._stack.enter_context(Namespace())
        self.server = self._stack.enter_context(Sshd(self.networks["edge-1"]))
        authority = Authority(self.folder / "tls")
        self.client = authority.client()
        files = authority.server(self.networks["db-1"].inside, "db-1.demo.example")
        for name, kind in KINDS.items():
            self._start_host(name, kind, files if name == "db-1" else None, extra)
        self.config.write_text(self._hosts_toml())

    def _start_host(self, name: str, kind: str, files: TlsFiles | None, extra: int) -> None:
        begun = time.monotonic()
        engine = Engine.start(kind, namespace=self.networks[name], bridge=True, tcp=files)
        self.engines[name] = self._stack.enter_context(engine)
        for container, spec in self._workloads[name].items():
            engine.run_container(container, spec)
        if extra:
            engine.run_containers(extra, "idle", ContainerSpec(labels={"demo": "idle"}))
        count, took = len(self._workloads[name]) + extra, time.monotonic() - begun
        say(f"{name}: Engine {engine.version} with {count} containers, {took:.1f} s")

    def _hosts_toml(self) -> str:
        edge, data = self.networks["edge-1"], self.networks["db-1"]
        return f'''\
[fleet]
listen = "{self.listen}"
data_dir = "{self.folder / "data"}"

[defaults.monitoring]
logs = "all"

[hosts.local]
connection = "local"
socket = "{self.engines["local"].socket}"
route_address = "{self.networks["local"].inside}"
labels = {{ site = "here", env = "demo" }}

[hosts.edge-1]
connection = "ssh"
address = "{edge.inside}"
port = {self.server.port}
username = "{self.server.username}"
key_file = "{self.server.client_key}"
known_hosts_file = "{self.server.known_hosts}"
socket = "{self.engines["edge-1"].socket}"
labels = {{ site = "edge", env = "demo" }}

[hosts.db-1]
connection = "tcp"
address = "{data.inside}"
port = 2376
labels = {{ site = "data", env = "demo" }}

[hosts.db-1.tls]
ca_file = "{self.client.ca}"
cert_file = "{self.client.cert}"
key_file = "{self.client.key}"
{self._more}'''

    def close(self) -> None:
        """Remove everything."""
        self._stack.close()


def _hints(demo: Demo) -> None:
    fleet = Path(sys.executable).parent / "fleet"
    local = demo.engines["local"]
    say(f"page and API: http://{demo.listen}/  http://{demo.listen}/api/hosts")
    say("try, in another terminal:")
    print(f"  export FLEET_CONFIG={demo.config}")
    for words in (
        "status",
        "ps",
        "top",
        "history local/burner --last 10m",
        "logs orders-log --grep shipped",
        "images",
        "events --follow",
        "doctor edge-1",
    ):
        print(f"  {fleet} {words}")
    print(f"  {docker_cli()} -H unix://{local.socket} ps -a")
    line = demo.networks["edge-1"]
    say(f"cut edge-1 off: ip -n {line.name} link set {line.far_link} down   (and up again)")
    say("Ctrl-C ends and removes all of it")


def _run_fleet(demo: Demo) -> int:
    """Run fleet in the foreground until it ends or the demo is told to end."""
    program = Path(sys.executable).parent / "fleet"
    if not program.exists():
        raise MissingPartError(f"{program} is not installed (make demo does that)")
    command: Sequence[str | Path] = [program, "up", "--config", demo.config]
    environment = marked_environment(demo.folder)
    # A session of its own: Ctrl-C reaches the demo alone, which then ends fleet first.
    fleet = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        return fleet.wait()
    finally:
        fleet.terminate()
        with suppress(subprocess.TimeoutExpired):
            fleet.wait(20)
        fleet.kill()
        fleet.wait()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # cleaning up is not to be interrupted
    raise KeyboardInterrupt


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo until it is told to end; the exit code."""
    parser = argparse.ArgumentParser(description="Three real Engines with containers, and fleet.")
    parser.add_argument("--no-fleet", action="store_true", help="run the Engines alone")
    parser.add_argument("--extra", type=int, default=0, help="idle containers more on each host")
    chosen = parser.parse_args(words)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        say("starting three Engines, each with its own network")
        # Fleet's own port if it can be had: a test would share it with what runs beside.
        with Demo(chosen.extra, port=None if accepts("127.0.0.1", PORT) else PORT) as demo:
            say(f"configuration: {demo.config}")
            _hints(demo)
            if not chosen.no_fleet:
                return _run_fleet(demo)
            threading.Event().wait()
    except KeyboardInterrupt:
        say("ended, everything is removed")
    except (LabError, MissingPartError) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
