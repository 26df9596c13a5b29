"""A table of routes that tests tell things, with a clock that stands still between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from labels.facts import Facts, Health, Place, Published
from labels.model import Cause, Change, Key, Member, Route
from labels.parsing.keys import Rules
from labels.routing.policy import TablePolicy
from labels.routing.table import RouteTable

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONFIGURATION = Cause(event="configuration")


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def place(name: str = "edge", address: str = "10.0.0.5", **more: object) -> Place:
    return Place(name=name, address=address, **more)  # type: ignore[arg-type]  # of any field


def container(
    name: str,
    domain: str = "",
    *,
    host: str = "edge",
    id: str = "",  # noqa: A002 - as in Facts
    state: str = "running",
    health: Health = "none",
    port: int = 8080,
    started: datetime | None = START,
    **labels: str,
) -> Facts:
    """A container with one published port; `_` in a label's name is a dash."""
    said = {"domain": domain, "backend-port": "80"} if domain else {}
    said |= {key.replace("_", "-"): value for key, value in labels.items()}
    return Facts(
        host=host,
        id=id or f"id-{name}",
        name=name,
        identity=f"name:{name}",
        labels={f"snadboy.revp.{key}": value for key, value in said.items()},
        state=state,
        health=health,
        started=started,
        ports=(Published(container_port=80, host_port=port),),
    )


class Told:
    """A table, what it is told, and all changes that came of it."""

    def __init__(self, *hosts: str, policy: TablePolicy | None = None) -> None:
        self.table = RouteTable(Rules(), policy or TablePolicy())
        self.now = START
        self.changes: list[Change] = []
        for number, host in enumerate(hosts or ("edge",), 5):
            self.table.place(place(host, f"10.0.0.{number}"), CONFIGURATION, self.now)
            self.table.listed(host, self.now)

    def put(self, *containers: Facts, event: str = "start") -> list[str]:
        for facts in containers:
            self.table.put(facts, self._cause(event, facts), self.now)
        return self.settle()

    def remove(self, *containers: Facts, event: str = "destroy") -> list[str]:
        for facts in containers:
            self.table.remove(facts.host, facts.id, self._cause(event, facts), self.now)
        return self.settle()

    def place(self, place: Place) -> list[str]:
        self.table.place(place, Cause(event="host", host=place.name), self.now)
        return self.settle()

    def wait(self, seconds: float) -> list[str]:
        """Let time pass, as who keeps a table does: from deadline to deadline."""
        end = self.now + timedelta(seconds=seconds)
        said = []
        while (due := self.table.deadline) is not None and due <= end:
            self.now = max(due, self.now)
            said += self.settle()
        self.now = end
        return said + self.settle()

    def settle(self) -> list[str]:
        """What changed, in words."""
        changes = self.table.settle(self.now)
        self.changes += changes
        return [f"{change.domain} {change.kind}: {change.summary}" for change in changes]

    def route(self, domain: str, path: str = "/") -> Route:
        (found,) = (r for r in self.table.table.routes if r.key == Key(domain, path))
        return found

    def members(self, domain: str) -> dict[str, str]:
        return {member.name: member.standing for member in self.route(domain).members}

    def member(self, domain: str) -> Member:
        (found,) = self.route(domain).members
        return found

    @property
    def domains(self) -> list[str]:
        return [route.domain for route in self.table.table.routes]

    def outcomes(self) -> dict[str, str]:
        return {
            f"{each.host}/{each.name}": " ".join(wish.outcome for wish in each.wishes)
            for each in self.table.containers()
        }

    @staticmethod
    def _cause(event: str, facts: Facts) -> Cause:
        return Cause(event=event, host=facts.host, container=facts.name, container_id=facts.id)
