"""A real Engine in a folder of its own, beside any others on the machine."""

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from docker import DockerClient

from tests.lab import containers, images
from tests.lab.cache import docker_cli, engine_folder, engine_version, runc
from tests.lab.containers import ContainerSpec
from tests.lab.errors import LabError
from tests.lab.freeze import freeze, thaw
from tests.lab.networks import Namespace
from tests.lab.owners import command_line, start_time
from tests.lab.parts import Part
from tests.lab.ports import free_port
from tests.lab.reap import CGROUP_PARENT, marked_environment, reap_part
from tests.lab.runs import log_tail, new_part, start
from tests.lab.tls import TlsFiles
from tests.lab.waiting import wait_until


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def answers(path: Path, timeout: float = 2.0) -> bool:
    """Tell whether an Engine answers ``/_ping`` on a Unix socket."""
    connection = _UnixConnection(path, timeout)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Engine(Part):
    """A running Docker Engine; a context manager that removes everything of it at the end.

    Attributes:
        kind: ``debian12``, ``trixie``, ``sid`` or ``podman``.
        version: what its program says, such as ``20.10.24``.
        folder: its data, state and log.
        socket: its Unix socket, root's only.
        address: host and port when it also listens on TCP.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        namespace: Namespace | None,
        tcp: TlsFiles | Literal["plain"] | None,
        options: Sequence[str],
    ) -> None:
        self.kind = kind
        self.version = engine_version(kind)
        self.folder = folder
        self.socket = folder / "docker.sock"
        self.namespace = namespace
        self.address = _address(namespace, tcp)
        self.cgroup_parent = f"/{CGROUP_PARENT}/{folder.parent.name}/{folder.name}"
        self._tls = tcp if isinstance(tcp, TlsFiles) else None
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[DockerClient] = []

    @classmethod
    def start(
        cls,
        kind: str,
        *,
        namespace: Namespace | None = None,
        tcp: TlsFiles | Literal["plain"] | None = None,
        bridge: bool = False,
        live_restore: bool = False,
        options: Sequence[str] = (),
        with_images: bool = True,
    ) -> "Engine":
        """Start an Engine and wait until it answers.

        Args:
            kind: one of ``tests.lab.cache.KINDS``.
            namespace: run in this network instead of the machine's.
            tcp: listen on TCP too, with these server files or ``"plain"``; on port 2376 or 2375
                of the namespace, else on a free port of the loopback.
            bridge: real bridge networks; only in a namespace, whose iptables rules it changes.
            live_restore: containers go on running while the daemon is away.
            options: further dockerd options.
            with_images: import the busybox images.

        Raises:
            MissingPartError: this kind of Engine is not on the machine.
            LabError: it did not come up; the message holds its log.
        """
        if bridge and namespace is None:
            raise ValueError(
                "bridge networks would change the machine's iptables: give a namespace"
            )
        flags = [] if bridge or kind == "podman" else ["--bridge=none", "--iptables=false"]
        flags += ["--live-restore"] if live_restore else []
        made = PodmanEngine if kind == "podman" else Engine
        engine = made(kind, new_part("e"), namespace, tcp, [*flags, *options])
        try:
            engine.start_again()
            if with_images:
                images.import_images(engine.sdk(), healthcheck=kind != "podman")
        except BaseException:
            engine.close()
            raise
        return engine

    def _command(self) -> list[str | Path]:
        command: list[str | Path] = [
            engine_folder(self.kind) / "dockerd",
            *("--data-root", self.folder / "d", "--exec-root", self.folder / "x"),
            *("--pidfile", self.folder / "pid", "--host", f"unix://{self.socket}"),
            *("--cgroup-parent", self.cgroup_parent, *self._options),
        ]
        if self.address:
            command += ["--host", "tcp://{}:{}".format(*self.address)]
        if self._tls:
            command += ["--tlsverify", "--tlscacert", self._tls.ca]
            command += ["--tlscert", self._tls.cert, "--tlskey", self._tls.key]
        return command

    def _environment(self) -> Mapping[str, str]:
        folders = [engine_folder(self.kind), runc().parent, os.environ.get("PATH", os.defpath)]
        return {"PATH": ":".join(str(folder) for folder in [*folders, "/usr/sbin:/sbin"])}

    def start_again(self, deadline: float = 30.0) -> None:
        """Start the daemon (again) on the same data and wait until it answers."""
        if self._process and self._process.poll() is None:
            raise LabError(f"the Engine in {self.folder} still runs")
        self._forget_killed()
        prefix = self.namespace.nsenter if self.namespace else []
        process = start([*prefix, *self._command()], self.folder, self._environment())
        self._process = process

        def up() -> bool:
            if process.poll() is not None:
                raise LabError(f"{self.kind} ended at once:\n{log_tail(self.folder)}")
            return answers(self.socket)

        try:
            wait_until(up, f"{self.kind} answers", deadline)
        except LabError as error:
            raise LabError(f"{error}\n{log_tail(self.folder)}") from None

    def _forget_killed(self) -> None:
        """Wait for a killed daemon's containerd to be gone, and remove both pid files.

        It dies with its daemon a moment later; a daemon started meanwhile would take it for alive
        and wait for it in vain.
        """
        file = self.folder / "x" / "containerd" / "containerd.pid"
        if file.exists():
            pid = int(file.read_text())
            if str(self.folder) in command_line(pid):
                wait_until(lambda: start_time(pid) is None, "the killed containerd is gone")
            file.unlink()
        (self.folder / "pid").unlink(missing_ok=True)

    @property
    def pid(self) -> int:
        """Process id of the daemon; an error when it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise LabError(f"the Engine in {self.folder} does not run")
        return self._process.pid

    def kill(self) -> None:
        """Kill the daemon at once; the containers' shims live on, as they do in reality."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """Stop the daemon in order, which stops its containers (up to 10 s each)."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(30)

    def pause(self) -> None:
        """Leave the daemon alive but silent: connections open, nothing answers."""
        freeze([self.pid])

    def resume(self) -> None:
        """Let a paused daemon go on."""
        thaw([self.pid])

    def docker(self, *words: str, timeout: float = 60.0) -> str:
        """Run the docker command line against this Engine and return what it printed.

        Raises:
            LabError: it failed; the message holds its error output.
        """
        done = subprocess.run(
            [docker_cli(), "--host", f"unix://{self.socket}", *words],
            env=marked_environment(self.folder),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise LabError(f"docker {' '.join(words)}: {done.stderr.strip()}")
        return str(done.stdout)

    def sdk(self, timeout: float = 60.0) -> DockerClient:
        """Return a new client of the Docker SDK; it is closed with the Engine."""
        address = f"unix://{self.socket}"
        client = DockerClient(base_url=address, version="auto", timeout=int(timeout))
        self._clients.append(client)
        return client

    def run_container(self, name: str, spec: ContainerSpec | None = None) -> str:
        """Create and start a container and return its id."""
        return containers.run_container(self._client(), name, self._fit(spec))

    def create_container(self, name: str, spec: ContainerSpec | None = None) -> str:
        """Create a container without starting it and return its id."""
        return containers.create_container(self._client(), name, self._fit(spec))

    def run_containers(
        self, count: int, prefix: str = "c", spec: ContainerSpec | None = None
    ) -> list[str]:
        """Create and start ``count`` equal containers, several at a time; return their ids."""
        return containers.run_containers(self._client(), count, prefix, self._fit(spec))

    def remove_containers(self) -> None:
        """Remove every container, running or not, so that tests may share an Engine."""
        containers.remove_containers(self._client())

    def _fit(self, spec: ContainerSpec | None) -> ContainerSpec:
        return spec or ContainerSpec()

    def _client(self) -> DockerClient:
        return self._clients[0] if self._clients else self.sdk()

    def close(self) -> None:
        """Kill the daemon with its containers and remove every trace."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._end(signal.SIGKILL)
        reap_part(self.folder)


def _address(
    namespace: Namespace | None, tcp: TlsFiles | Literal["plain"] | None
) -> tuple[str, int] | None:
    if tcp is None:
        return None
    if namespace is None:
        return "127.0.0.1", free_port()
    return namespace.inside, 2375 if tcp == "plain" else 2376


class PodmanEngine(Engine):
    """Podman's service, which speaks the Engine API with differences.

    It listens on its Unix socket alone: no TCP, no TLS.
    """

    def _command(self) -> list[str | Path]:
        if self.address:
            raise ValueError("Podman's service in the lab has no TCP listener")
        return [
            engine_folder(self.kind) / "podman",
            *("--runtime", runc(), "--root", self.folder / "d", "--runroot", self.folder / "x"),
            *("--tmpdir", self.folder / "t"),
            *("--cgroup-manager=cgroupfs", "--events-backend=file"),
            *("system", "service", "--time=0", f"unix://{self.socket}"),
        ]

    def _environment(self) -> Mapping[str, str]:
        # Podman's own default asks for more open files than an unprivileged machine may grant.
        config = self.folder / "containers.conf"
        limits = '"nofile=1024:1024", "nproc=1024:1024"'
        config.write_text(f"[containers]\ndefault_ulimits = [{limits}]\n")
        state = {"TMPDIR": str(self.folder), "CONTAINERS_CONF": str(config)}
        return {**super()._environment(), **state}

    def _fit(self, spec: ContainerSpec | None) -> ContainerSpec:
        spec = spec or ContainerSpec()
        own = {"cgroup_parent": self.cgroup_parent}  # the service has no option for all of them
        return replace(spec, host_config={**own, **spec.host_config})
