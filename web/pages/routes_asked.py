"""What of the page of routes is asked for: which of its lists, and the filters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, get_args
from urllib.parse import urlencode

from litestar.params import QueryParameter

from labels.model import Change
from web.expectations import ROUTE_STATUSES, Status
from web.history import RouteChangeFilter
from web.revp.changes import change_matches
from web.revp.selecting import RouteFilter, canonical_domain
from web.selection import has_labels, parse_labels

LONGEST = 300  # characters of a filter

Tab = Literal["routes", "issues", "conflicts", "waiting", "changes", "preview"]
TABS: tuple[Tab, ...] = get_args(Tab)

Shown = Annotated[Tab, QueryParameter(name="tab", description=f"one of {', '.join(TABS)}")]
Domain = Annotated[
    str,
    QueryParameter(
        name="domain", description="part of a domain, or a pattern with * and ?", max_length=LONGEST
    ),
]
Hosts = Annotated[list[str] | None, QueryParameter(name="host", description="names of hosts")]
Labels = Annotated[
    list[str] | None,
    QueryParameter(
        name="label", description="KEY or KEY=VALUE of hosts; repeat it, all must match"
    ),
]
Statuses = Annotated[
    list[Literal["", "up", "degraded", "down"]] | None,
    QueryParameter(name="status", description=f"one of {', '.join(ROUTE_STATUSES)}; repeat it"),
]
Cursor = Annotated[
    str, QueryParameter(name="cursor", description="what the page before this one gave")
]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The query; empty means any, from the first page."""

    tab: Tab = "routes"
    domain: str = ""
    hosts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    cursor: str = ""

    @property
    def filtered(self) -> bool:
        """Whether not all are meant."""
        return bool(self.domain.strip() or self.hosts or self.labels or self.statuses)

    def query(self) -> str:
        """As it stands in an address, with its question mark; empty where nothing is asked."""
        many = (("host", self.hosts), ("label", self.labels), ("status", self.statuses))
        one = (
            ("tab", "" if self.tab == "routes" else self.tab),
            ("domain", self.domain),
            ("cursor", self.cursor),
        )
        pairs = [(name, word) for name, word in one if word]
        pairs += [(name, word) for name, words in many for word in words]
        return f"?{urlencode(pairs)}" if pairs else ""

    def to(self, tab: Tab) -> str:
        """The query of another list, with the same filters."""
        return replace(self, tab=tab, cursor="").query()

    def page(self, cursor: str) -> str:
        """The query of another page, empty for the first one."""
        return replace(self, cursor=cursor).query()

    def cleared(self) -> str:
        """The query of this list without filters."""
        return Asked(tab=self.tab).query()

    def wanted(self, labels: Mapping[str, Mapping[str, str]]) -> RouteFilter:
        """The filter.

        Args:
            labels: Those of all hosts, as they are now.
        """
        text = canonical_domain(self.domain)
        pattern = text if not text or "*" in text or "?" in text else f"*{text}*"
        return RouteFilter(hosts=self._hosts(labels), domains=(pattern,) if pattern else ())

    def _hosts(self, labels: Mapping[str, Mapping[str, str]]) -> frozenset[str] | None:
        if not self.labels:
            return frozenset(self.hosts) or None
        pairs = parse_labels(self.labels)
        labelled = frozenset(host for host, own in labels.items() if has_labels(own, pairs))
        return labelled & set(self.hosts) if self.hosts else labelled


def changes_of(changes: Sequence[Change], wanted: RouteFilter) -> list[Change]:
    """Those that are wanted: because of a host, or of a pool with members there."""
    hosts = None if wanted.hosts is None else tuple(wanted.hosts)
    of_hosts = RouteChangeFilter(hosts=hosts)
    return [
        change
        for change in changes
        if wanted.domain(change.domain) and change_matches(change, of_hosts)
    ]
