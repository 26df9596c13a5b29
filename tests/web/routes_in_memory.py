"""Routes that live in memory: a real table of routes, without a fleet behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from fleet.feed import Subscription
from fleet.revp.drift import drift
from fleet.revp.feed import RouteFeed
from labels.drift.comparing import Drift, ProxyKind
from labels.facts import Facts, Health, Place, Published
from labels.model import Cause, Change, RoutedContainer, Table
from labels.parsing.keys import Rules
from labels.routing.table import RouteTable
from tests.web.fleet_in_memory import START

PREFIX = "snadboy.revp"
_CAUSE = Cause(event="start", host="one", container="web")


class RoutesInMemory:
    """Implements `web.routing.Routing`; each call that changes something is a revision."""

    def __init__(self) -> None:
        self.known = RouteTable(Rules())
        self.feed = RouteFeed()
        self.labels: dict[str, Mapping[str, str]] = {}
        self.places: dict[str, Place] = {}
        self.moment = START

    def add_host(self, name: str, *, listed: bool = True, **labels: str) -> None:
        self.labels[name] = labels
        place = Place(name=name, address=f"10.0.0.{len(self.labels)}", labels=labels)
        self.places[name] = place
        self.known.place(place, _CAUSE, self.moment)
        if listed:
            self.known.listed(name, self.moment)
        self.settle()

    def put(
        self,
        host: str,
        name: str,
        *domains: str,
        port: int = 8080,
        state: str = "running",
        health: Health = "none",
        settle: bool = True,
        **labels: str,
    ) -> None:
        """A container that asks for the domains; `_` in a label's name is a dash."""
        said = {f"{PREFIX}.{key.replace('_', '-')}": value for key, value in labels.items()}
        facts = Facts(
            host=host,
            id=f"{name:0<64}",
            name=name,
            identity=f"name:{name}",
            labels={f"{PREFIX}.domain": ",".join(domains), f"{PREFIX}.backend-port": "80"} | said,
            state=state,
            health=health,
            started=START,
            ports=(Published(container_port=80, host_port=port),),
        )
        cause = Cause(event=state, host=host, container=name, container_id=facts.id)
        self.known.put(facts, cause, self.moment)
        if settle:
            self.settle()

    def settle(self) -> tuple[Change, ...]:
        self.moment += timedelta(seconds=1)
        changes = self.known.settle(self.moment)
        self.feed.publish(changes)
        return changes

    def version(self) -> Hashable:
        return self.moment, len(self.labels)

    def table(self) -> Table:
        return self.known.table

    def containers(self) -> Sequence[RoutedContainer]:
        return self.known.containers()

    def rules(self) -> Rules:
        return Rules()

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        return self.labels

    def place(self, host: str) -> Place | None:
        return self.places.get(host)

    async def changed(self, revision: int) -> None:
        while self.table().revision == revision:
            await self.feed.wait()

    def recent_changes(self, limit: int) -> Sequence[Change]:
        return self.feed.recent(limit)

    @asynccontextmanager
    async def follow(self, after: int | None = None) -> AsyncIterator[Subscription[Change]]:
        with self.feed.follow(after) as subscription:
            yield subscription

    async def drift(self, kind: ProxyKind, url: str) -> Drift:
        return await drift(kind, url, self.table)
