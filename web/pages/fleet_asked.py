"""What of the fleet's page is asked for: filters, order, groups. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from litestar.params import QueryParameter

from web.documents import HostDocument
from web.pages.states import CONDITIONS, Condition, condition
from web.pages.wording import share
from web.rest.order import Listing
from web.selection import has_labels, parse_labels

LONGEST = 200  # characters of a search

Statuses = Annotated[
    list[Condition] | None,
    QueryParameter(name="status", description=f"one of {', '.join(CONDITIONS)}; repeat it"),
]
Search = Annotated[
    str,
    QueryParameter(
        name="q", description="part of a name, a target, a label or an error", max_length=LONGEST
    ),
]
Group = Annotated[
    str,
    QueryParameter(name="group", description="the key of a label of hosts", max_length=LONGEST),
]
Sort = Annotated[
    str,
    QueryParameter(name="sort", description="state, name, cpu, memory, disk, containers, response"),
]


def used_cpu(host: HostDocument) -> float | None:
    """Percent of its machine's CPUs."""
    machine = host.machine
    return None if machine is None else share(machine.cpu_percent, 100 * machine.cpus)


def used_memory(host: HostDocument) -> float | None:
    """Percent of its machine's memory."""
    machine = host.machine
    return None if machine is None else share(machine.memory_used, machine.memory_total)


def used_disk(host: HostDocument) -> float | None:
    """Percent of the disk that the Engine keeps its data on."""
    machine = host.machine
    return None if machine is None else share(machine.disk_used, machine.disk_total)


BY: Listing[HostDocument] = Listing(
    {
        "state": lambda host: CONDITIONS.index(condition(host)),
        "name": lambda host: host.name,
        "cpu": used_cpu,
        "memory": used_memory,
        "disk": used_disk,
        "containers": lambda host: host.containers.running,
        "response": lambda host: host.response_ms,
    },
    ties=lambda host: (host.name,),
)
RESTLESS = frozenset({"cpu", "memory", "response"})  # another one with each sample
ORDERS = (
    ("", "problems first"),
    ("name", "name"),
    ("-cpu", "CPU"),
    ("-memory", "memory"),
    ("-disk", "disk"),
    ("-containers", "containers"),
    ("-response", "response time"),
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The query; empty means any, and problems first."""

    labels: tuple[str, ...] = ()
    statuses: tuple[Condition, ...] = ()
    search: str = ""
    sort: str = ""
    group: str = ""

    @property
    def filtered(self) -> bool:
        """Whether not all hosts are meant."""
        return bool(self.labels or self.statuses or self.search.strip())

    @property
    def restless(self) -> bool:
        """Whether the order is by what changes all the time."""
        return any(word.strip().removeprefix("-") in RESTLESS for word in self.sort.split(","))

    def query(self) -> str:
        """As it stands in an address, with its question mark; empty where nothing is asked."""
        one = (("q", self.search), ("group", self.group), ("sort", self.sort))
        pairs: list[tuple[str, str]] = [("status", word) for word in self.statuses]
        pairs += [("label", label) for label in self.labels]
        pairs += [(name, word) for name, word in one if word]
        return f"?{urlencode(pairs)}" if pairs else ""

    def sorted(self, sort: str) -> str:
        """The query with another order; with `state`, the usual one, it is left out."""
        return replace(self, sort="" if sort == "state" else sort).query()

    def test(self) -> Callable[[HostDocument], bool]:
        """The filters as a function."""
        wanted, text = parse_labels(self.labels), self.search.strip().casefold()
        return lambda host: (
            (not self.statuses or condition(host) in self.statuses)
            and has_labels(host.labels, wanted)
            and (not text or text in _searched(host))
        )

    def ordered(self, hosts: Sequence[HostDocument]) -> list[HostDocument]:
        """In the order asked for, group by group; hosts without the label last.

        Raises:
            Problem: The order is none (400).
        """
        place = BY.order(self.sort or "state").place
        if not self.group:
            return sorted(hosts, key=place)
        return sorted(hosts, key=lambda host: (*self.place_of_group(host), place(host)))

    def place_of_group(self, host: HostDocument) -> tuple[bool, str]:
        """Where its group is among the others; the first is whether it is of none."""
        value = host.labels.get(self.group)
        return value is None, value or ""


def _searched(host: HostDocument) -> str:
    error = host.error.message if host.error is not None else ""
    labels = (f"{key}={value}" for key, value in host.labels.items())
    return "\n".join((host.name, host.target, *labels, error)).casefold()
