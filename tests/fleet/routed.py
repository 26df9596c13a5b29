"""A fleet's heart with its routes, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import trio

from config.models import Config, Fleet, Host, Revp, Route, Storage
from fleet.revp.keeper import RouteKeeper
from labels.model import Change, Member, Table
from tests.faults.watched import Watched, watched
from tests.lab.containers import ContainerSpec

T = TypeVar("T")


class Routed:
    """A watched fleet and the keeper of its routes.

    Attributes:
        offered: The changes for the history.
    """

    def __init__(
        self, fleet: Watched, keeper: RouteKeeper, config: Config, offered: list[Change]
    ) -> None:
        self.fleet = fleet
        self.keeper = keeper
        self.config = config
        self.offered = offered

    @property
    def table(self) -> Table:
        """All routes now."""
        return self.keeper.table()

    def configure(self, *hosts: Host, **changes: Any) -> None:
        """Take over another configuration, as a reload does."""
        named = {host.name: host for host in hosts}
        self.config = msgspec.structs.replace(self.config, hosts=named, **changes)
        self.keeper.configure(self.config)
        self.fleet.want(*hosts)

    def member(self, domain: str) -> Member | None:
        """The only member of a domain's route."""
        route = next((route for route in self.table.routes if route.domain == domain), None)
        return route.members[0] if route and len(route.members) == 1 else None

    def pool(self, domain: str) -> tuple[Member, ...] | None:
        """Who serves a domain; None without a route."""
        return next((r.pool for r in self.table.routes if r.domain == domain), None)

    def name(self, domain: str) -> str:
        """What the only member of a domain's route is called."""
        member = self.member(domain)
        return member.name if member else ""

    def address(self, domain: str) -> str:
        """Where the only member of a domain's route is."""
        member = self.member(domain)
        return member.endpoint.authority if member and member.endpoint else ""

    def standings(self) -> dict[str, str]:
        """How the members of all routes stand."""
        return {r.domain: " ".join(m.standing for m in r.members) for r in self.table.routes}

    def changes(self, domain: str) -> list[Change]:
        """What happened to a domain, oldest first."""
        return [c for c in self.keeper.recent_changes(1000) if c.domain == domain]

    async def until(self, check: Callable[[], T], what: str, deadline: float = 30.0) -> T:
        """Wait for the first true answer of `check`, asked after every revision."""
        with trio.move_on_after(deadline):
            while True:
                if answer := check():
                    return answer
                await self.keeper.changed(self.table.revision)
        raise AssertionError(
            f"{what}: not within {deadline:g} s; {self.standings()}, {self.fleet.summary()}"
        )

    async def until_stands(self, domain: str, standing: str) -> None:
        """Wait until the only member of a domain's route stands like this."""
        await self.until(lambda: self.standings().get(domain) == standing, f"{domain} {standing}")


def serving(domain: str = "", **fields: Any) -> ContainerSpec:
    """A container that asks for a domain, with the network of its host."""
    labels = {"snadboy.revp.8080.domain": domain}
    return ContainerSpec(network="host", **({"labels": labels} | fields))


@asynccontextmanager
async def routed(
    folder: Path,
    *hosts: Host,
    revp: Revp | None = None,
    routes: tuple[Route, ...] = (),
) -> AsyncIterator[Routed]:
    """Watch hosts and keep their routes for the length of the block."""
    named = {host.name: host for host in hosts}
    config = Config(
        fleet=Fleet(data_dir=folder),
        storage=Storage(),
        hosts=named,
        revp=revp or Revp(),
        routes=routes,
    )
    async with watched() as fleet, trio.open_nursery() as nursery:
        offered: list[Change] = []
        keeper = await RouteKeeper.open(fleet.tracker, config, offered.append)
        fleet.tracker.listen(keeper)
        await nursery.start(keeper.run)
        fleet.want(*hosts)
        yield Routed(fleet, keeper, config, offered)
        nursery.cancel_scope.cancel()
