"""A table of routes in parts that change by themselves, and put together again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

import msgspec

from fleet.mirror.kinds import TableHead
from labels.model import Issue, RoutedContainer, Table
from storage.live import Key

PARTS = ("route", "conflict", "waiting", "issues")


def parts_of(table: Table) -> dict[Key, object]:
    """The parts of a table but for its head."""
    parts: dict[Key, object] = {}
    for route in table.routes:
        parts[_key("route", route.domain, route.path)] = route
    for conflict in table.conflicts:
        parts[_key("conflict", conflict.domain, conflict.path)] = conflict
    for (domain, path), waiting in groupby(table.waiting, key=attrgetter("domain", "path")):
        parts[_key("waiting", domain, path)] = tuple(waiting)
    # They are in the order of what they are about, which they do not tell all of.
    for place, (host, issues) in enumerate(groupby(table.issues, key=attrgetter("host"))):
        parts[_key("issues", place, host)] = tuple(issues)
    return parts


def routed_parts(containers: Iterable[RoutedContainer]) -> dict[Key, object]:
    """The containers with labels, each by itself."""
    return {Key("routed", one.host, one.id): one for one in containers}


def table_of(head: TableHead, parts: Mapping[str, Mapping[Key, Any]]) -> Table:
    """The table of its parts, by kind."""
    issues: Iterable[tuple[Key, tuple[Issue, ...]]] = parts["issues"].items()
    in_order = sorted(issues, key=lambda part: _number(part[0]))
    waiting = sorted(parts["waiting"].values(), key=lambda group: (group[0].domain, group[0].path))
    return Table(
        revision=head.revision,
        complete=head.complete,
        missing=head.missing,
        routes=tuple(sorted(parts["route"].values(), key=attrgetter("domain", "path"))),
        conflicts=tuple(sorted(parts["conflict"].values(), key=attrgetter("domain", "path"))),
        waiting=tuple(chain.from_iterable(waiting)),
        issues=tuple(chain.from_iterable(group for _, group in in_order)),
    )


def containers_of(parts: Iterable[RoutedContainer]) -> tuple[RoutedContainer, ...]:
    """The containers with labels, in their order."""
    return tuple(sorted(parts, key=attrgetter("host", "name", "id")))


def _key(kind: str, *words: str | int) -> Key:
    return Key(kind, "", msgspec.json.encode(words).decode())


def _number(key: Key) -> int:
    place, _ = msgspec.json.decode(key.key, type=tuple[int, str])
    return place
