"""Which hosts there are, how they are reached, and the ``hosts.toml`` that says so."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.lab.simulated.host import LOOPBACK, SimulatedHost
from tests.lab.tls import Authority, TlsFiles

_SITES = ("berlin", "lyon", "porto", "oslo", "turin")
_ENVIRONMENTS = ("prod", "prod", "prod", "staging", "dev")
_TLS = "tls"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to simulate.

    Attributes:
        containers: Of each host.
        folder: Of sockets, keys and ``hosts.toml``; its path must be short.
        tls: The share of hosts that are reached by TCP with mutual TLS.
        rate: Events a second and host.
        logged: The share of containers that are labelled to have their logs kept.
    """

    hosts: int
    containers: int
    seed: int
    folder: Path
    tls: float = 0.0
    rate: float = 0.0
    logged: float = 0.0
    processes: int = 1

    def control(self, part: int) -> Path:
        """The control socket of one of the processes."""
        return self.folder / f"control-{part}.sock"

    def tables(self, part: int) -> Path:
        """Where one of the processes writes the tables of its hosts."""
        return self.folder / f"part-{part}.toml"

    def make(self, part: int) -> list[SimulatedHost]:
        """Make the hosts of one of the processes, not yet listening."""
        context = self._server_context() if self.tls else None
        numbers = range(1 + part, self.hosts + 1, self.processes)
        return [self._make(number, context) for number in numbers]

    def _make(self, number: int, context: ssl.SSLContext | None) -> SimulatedHost:
        has_tls = int(number * self.tls) > int((number - 1) * self.tls)
        name = f"sim-{number:03}"
        socket = self.folder / f"{number:03}.sock"
        tls = context if has_tls else None
        return SimulatedHost(name, self.seed, self.containers, socket, logged=self.logged, tls=tls)

    def prepare_tls(self) -> None:
        """Write an authority with a key for all hosts, and one for fleet."""
        authority = Authority(self.folder / _TLS)
        server, client = authority.server(LOOPBACK, "localhost"), authority.client()
        for files, side in ((server, "server"), (client, "client")):
            files.cert.rename(self._files(side).cert)
            files.key.rename(self._files(side).key)

    def _files(self, side: str) -> TlsFiles:
        folder = self.folder / _TLS
        return TlsFiles(folder / "ca.pem", folder / f"{side}.pem", folder / f"{side}-key.pem")

    def _server_context(self) -> ssl.SSLContext:
        files = self._files("server")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca)
        context.load_cert_chain(files.cert, files.key)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def toml(self, hosts: Iterable[SimulatedHost]) -> str:
        """The tables of some hosts, once they listen."""
        return "\n".join(map(self._table, hosts))

    def _table(self, host: SimulatedHost) -> str:
        random = Random(host.name)  # noqa: S311 - not a secret
        site, env = random.choice(_SITES), random.choice(_ENVIRONMENTS)
        labels = f'labels = {{ site = "{site}", env = "{env}" }}\n'
        if not host.has_tls:
            way = f'connection = "local"\nsocket = "{host.socket}"\n'
            return f"[hosts.{host.name}]\n{way}{labels}"
        files = self._files("client")
        return (
            f'[hosts.{host.name}]\nconnection = "tcp"\naddress = "{LOOPBACK}"\n'
            f"port = {host.port}\n{labels}[hosts.{host.name}.tls]\n"
            f'ca_file = "{files.ca}"\ncert_file = "{files.cert}"\nkey_file = "{files.key}"\n'
        )
