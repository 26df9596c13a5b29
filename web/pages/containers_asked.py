"""What of the list of containers is asked for: filters, order, groups, which page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal
from urllib.parse import urlencode

from litestar.params import QueryParameter

from web.documents import ContainerDocument
from web.expectations import HEALTHS, STATES, Health, State
from web.pages.states import ailment
from web.rest.listings import CONTAINERS
from web.rest.order import Order
from web.selection import ContainerFilter, container_test, parse_labels

LONGEST = 200  # characters of a word
RESTLESS = frozenset({"cpu", "memory", "memory_percent", "network", "block", "pids"})

Grouping = Literal["", "host", "project"]

# What a form leaves empty comes as an empty word.
Hosts = Annotated[list[str] | None, QueryParameter(name="host", description="names of hosts")]
States = Annotated[
    list[State | Literal[""]] | None,
    QueryParameter(name="state", description=f"one of {', '.join(STATES)}; repeat it"),
]
Healths = Annotated[
    list[Health | Literal[""]] | None,
    QueryParameter(name="health", description=f"one of {', '.join(HEALTHS)}; repeat it"),
]
Labels = Annotated[
    list[str] | None,
    QueryParameter(name="label", description="KEY or KEY=VALUE; repeat it, all must match"),
]
Projects = Annotated[
    list[str] | None, QueryParameter(name="project", description="Compose projects")
]
Search = Annotated[
    str,
    QueryParameter(
        name="q",
        description="part of a name, an id, an image, a host or a Compose service",
        max_length=LONGEST,
    ),
]
Trouble = Annotated[
    bool, QueryParameter(name="trouble", description="only those that need attention")
]
Group = Annotated[Grouping, QueryParameter(name="group", description="host or project")]
Sort = Annotated[
    str, QueryParameter(name="sort", description=f"some of {', '.join(CONTAINERS.keys)}")
]
Cursor = Annotated[
    str, QueryParameter(name="cursor", description="what the page before this one gave")
]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The query; empty means any, by host and name, from the first page."""

    hosts: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    healths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    search: str = ""
    trouble: bool = False
    sort: str = ""
    group: Grouping = ""
    cursor: str = ""

    @property
    def filtered(self) -> bool:
        """Whether not all containers are meant."""
        many = (self.hosts, self.states, self.healths, self.labels, self.projects)
        return any(many) or self.trouble or bool(self.search.strip())

    @property
    def restless(self) -> bool:
        """Whether the order is by what changes all the time."""
        return any(word.strip().removeprefix("-") in RESTLESS for word in self.sort.split(","))

    @property
    def order(self) -> Order[ContainerDocument]:
        """The order that is asked for, group by group.

        Raises:
            Problem: It is none (400).
        """
        wanted = [word for word in self.sort.split(",") if word]
        if self.group:
            wanted = [self.group, *(w for w in wanted if w.removeprefix("-") != self.group)]
        return CONTAINERS.order(",".join(wanted))

    def query(self) -> str:
        """As it stands in an address, with its question mark; empty where nothing is asked."""
        many = (
            ("host", self.hosts),
            ("state", self.states),
            ("health", self.healths),
            ("label", self.labels),
            ("project", self.projects),
        )
        one = (
            ("q", self.search),
            ("trouble", "true" if self.trouble else ""),
            ("group", self.group),
            ("sort", self.sort),
            ("cursor", self.cursor),
        )
        pairs = [(name, word) for name, words in many for word in words]
        pairs += [(name, word) for name, word in one if word]
        return f"?{urlencode(pairs)}" if pairs else ""

    def sorted(self, sort: str) -> str:
        """The query of the first page in another order."""
        return replace(self, sort=sort, cursor="").query()

    def page(self, cursor: str) -> str:
        """The query of another page, empty for the first one."""
        return replace(self, cursor=cursor).query()

    def matching(self, known: Sequence[ContainerDocument]) -> Sequence[ContainerDocument]:
        """Those that are meant, in the order in which they are known."""
        if not self.filtered:
            return known
        wanted = ContainerFilter(
            hosts=frozenset(self.hosts),
            states=frozenset(self.states),
            healths=frozenset(self.healths),
            labels=parse_labels(self.labels),
        )
        tests: list[Callable[[ContainerDocument], bool]] = [container_test(wanted)]
        if self.projects:
            projects = frozenset(self.projects)
            tests.append(lambda one: one.compose is not None and one.compose.project in projects)
        if text := self.search.strip().casefold():
            tests.append(lambda one: text in _searched(one))
        if self.trouble:
            tests.append(lambda one: bool(ailment(one)))
        return [one for one in known if all(test(one) for test in tests)]


def _searched(one: ContainerDocument) -> str:
    place = f"{one.compose.project}/{one.compose.service}" if one.compose is not None else ""
    return f"{one.name}\n{one.image}\n{one.host}\n{place}\n{one.id}".casefold()
