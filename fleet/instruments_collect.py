"""All metrics of the program and the fleet, collected in parts so that nothing waits for it."""

from __future__ import annotations

from collections.abc import Container, Sequence

import anyio.lowlevel

from fleet.instruments_containers import (
    MOST_CONTAINERS,
    ContainerFamilies,
    by_state,
    described,
    shown,
)
from fleet.instruments_hosts import HostFamilies
from fleet.instruments_own import Parts, own_families
from fleet.instruments_process import Process
from fleet.tracker import Tracker
from web.exposition.text import Family

TURN = 100  # containers, which take about a millisecond


class FleetCollector:
    """Implements `web.exposition.answer.Collector`.

    Args:
        tracker: The live fleet.
        parts: The program itself.
        most_containers: With metrics of their own.
    """

    def __init__(
        self, tracker: Tracker, parts: Parts, most_containers: int = MOST_CONTAINERS
    ) -> None:
        self._tracker = tracker
        self._parts = parts
        self._most = most_containers
        self._process = Process()

    async def collect(self, among: Container[str] | None = None) -> Sequence[Family]:
        """All metrics, or those of some hosts; which containers a host has is as of one moment."""
        watched = await watched_families(self._tracker, self._most, among)
        if among is not None:
            return watched
        return [*self.own(), *watched]

    def own(self) -> list[Family]:
        """The program itself."""
        return [*own_families(self._parts), *self._process.families()]


async def watched_families(
    tracker: Tracker, most_containers: int, among: Container[str] | None = None
) -> list[Family]:
    """The hosts, or some of them, and their containers; others have their turn in between."""
    hosts, containers, done = HostFamilies(), ContainerFamilies(most_containers), 0
    for name in sorted(tracker.hosts):
        if name not in tracker.hosts:
            continue  # it left the configuration while others had their turn
        if among is not None and name not in among:
            continue
        state, known = tracker.hosts[name], tracker.containers(name).values()
        hosts.add(state, tracker.machine(name))
        hosts.containers.lines += described(name, by_state(known))
        for container in shown(known):
            is_fresh = state.stale_since is None
            containers.add(container, tracker.sample(name, container.id) if is_fresh else None)
            done += 1
            if done % TURN == 0:
                await anyio.lowlevel.checkpoint()
        done += 1
    return [*hosts.all, *containers.all]
