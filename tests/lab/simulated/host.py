"""One simulated host: where it listens, what it has, what happens on it, what is wrong with it."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.lab.simulated.answers import Answers
from tests.lab.simulated.connection import Connection
from tests.lab.simulated.faults import Faults
from tests.lab.simulated.kinds import KINDS, SHARES, engine_kind
from tests.lab.simulated.life import Life
from tests.lab.simulated.machine import machine
from tests.lab.simulated.model import EngineModel
from tests.lab.simulated.population import Population

LOOPBACK = "127.0.0.1"


class SimulatedHost:
    """A host with its Engine.

    Attributes:
        name: Its name in the configuration.
        socket: Where it listens; with TLS it is the loopback instead.
        port: Of TLS, once it listens.
        connections: Those that are open.
        requests: As many as were answered.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        containers: int,
        socket: Path,
        *,
        logged: float = 0.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        random = Random(f"{seed} {name}")  # noqa: S311 - not a secret
        self.name = name
        self.socket = socket
        self.port = 0
        self.kind = engine_kind(random.choices(KINDS, SHARES)[0])
        self.model = EngineModel(random, time.time_ns)
        self.answers = Answers(self.kind, machine(name, random, time.time_ns()), self.model)
        self.faults = Faults()
        self.connections: set[Connection] = set()
        self.requests = 0
        is_podman = self.kind.is_podman
        population = Population(random, name, logged=logged, is_podman=is_podman)
        population.people(self.model, containers)
        self.life = Life(self.model, random, population.new(), is_podman=is_podman)
        self._random = random
        self._tls = tls
        self._rate = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None

    @property
    def has_tls(self) -> bool:
        """Whether it is reached by TCP with mutual TLS."""
        return self._tls is not None

    async def listen(self) -> None:
        """Begin to listen, again at the same place."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        if self._tls is None:
            with suppress(FileNotFoundError):
                self.socket.unlink()
            self._server = await loop.create_unix_server(
                lambda: Connection(self), self.socket, backlog=256
            )
            return
        self._server = await loop.create_server(
            lambda: Connection(self), LOOPBACK, self.port, ssl=self._tls, backlog=256
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Listen no more, and drop who is connected."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()

    def drop(self) -> None:
        """Reset all connections."""
        for connection in list(self.connections):
            connection.abort()

    def go_on(self) -> None:
        """Let all connections take up what a stall has kept."""
        for connection in list(self.connections):
            connection.go_on()

    def live(self, rate: float) -> None:
        """Let things happen, at so many events a second; none with 0."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rate = rate
        if rate:
            self._wait(1)

    def _wait(self, told: int) -> None:
        seconds = self._random.expovariate(self._rate) * told
        self._timer = asyncio.get_running_loop().call_later(seconds, self._step)

    def _step(self) -> None:
        self._wait(self.life.step())
