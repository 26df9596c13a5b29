"""A socket by which a test rules over the simulated hosts of a process, and asks what is true.

A request is one line of JSON, such as ``{"do": "cut", "hosts": ["sim-001"]}``; so is its answer.
Without ``hosts`` all are meant.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

import msgspec

from tests.lab.simulated.host import SimulatedHost
from tests.lab.simulated.messages import Container, Does, Happened, Request, Says, Told

_decode = msgspec.json.Decoder(Request).decode


class ControlServer:
    """Does what it is told on one socket."""

    def __init__(self, hosts: Mapping[str, SimulatedHost]) -> None:
        self._hosts = hosts

    async def listen(self, path: Path) -> asyncio.Server:
        """Begin to listen."""
        return await asyncio.start_unix_server(self._serve, path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            told = await self._do(_decode(line))
            writer.write(msgspec.json.encode(told) + b"\n")
            await writer.drain()
        writer.close()

    async def _do(self, request: Request) -> Told:
        assert request.do in get_args(Does)
        chosen = self._chosen(request.hosts)
        if request.do == "says":
            return Told(says={host.name: _says(host) for host in chosen})
        for host in chosen:
            await _change(host, request)
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Told(
            requests=sum(host.requests for host in chosen),
            lost_chunks=sum(one.lost_chunks for host in chosen for one in host.connections),
            cpu_seconds=time.process_time(),
            memory_kib=used.ru_maxrss,
        )

    def _chosen(self, names: Iterable[str] | None) -> list[SimulatedHost]:
        if names is None:
            return list(self._hosts.values())
        return [self._hosts[name] for name in names if name in self._hosts]


async def _change(host: SimulatedHost, request: Request) -> None:
    faults = host.faults
    match request.do:
        case "delay":
            faults.delay = request.seconds
        case "stall":
            faults.is_stalled = True
        case "cut":
            faults.is_cut = True
            host.drop()
        case "drop":
            host.drop()
        case "refuse":
            host.refuse()
        case "heal":
            faults.delay = 0.0
            faults.is_stalled = faults.is_cut = False
            await host.listen()
            host.go_on()
        case "live":
            host.live(request.rate)
        case "step":
            for _ in range(request.times):
                host.life.step()


def _says(host: SimulatedHost) -> Says:
    """What the Engine says now, were it asked."""
    model, kind = host.model, host.kind
    return Says(
        kind=kind.name,
        containers={
            one.id: Container(
                name=one.name,
                image=one.made.image,
                state=one.state,
                health=one.health,
                started=one.started,
                restarts=one.restarts,
                labels=one.made.labels,
            )
            for one in model.containers.values()
        },
        happened=[Happened(h.nano, h.type, h.action, h.actor) for h in model.happened],
    )
