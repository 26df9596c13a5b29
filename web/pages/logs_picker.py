"""Which containers' logs can be chosen: by host, with those of a Compose project together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from web.documents import ContainerDocument
from web.pages.logs_asked import LogsAsked
from web.selection import MIN_ID

MOST_OFFERED = 200  # beyond those that are chosen: the others are found by their names
PROJECT = "com.docker.compose.project"


class Choosable(msgspec.Struct, frozen=True, kw_only=True):
    """A container that may be chosen; None of `container` where it is not there any more."""

    ref: str
    chosen: bool
    container: ContainerDocument | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Containers of a host, and the Compose projects that are there."""

    host: str
    projects: tuple[str, ...]
    entries: tuple[Choosable, ...]


class Picker(msgspec.Struct, frozen=True, kw_only=True):
    """What can be chosen: `more` is how many others there are, `gone` are chosen and not there."""

    groups: tuple[Group, ...]
    gone: tuple[str, ...]
    more: int
    chosen: int


def picker(known: Sequence[ContainerDocument], asked: LogsAsked, part: str) -> Picker:
    """The containers to choose from.

    Args:
        known: All, in the order of host and name.
        asked: What is chosen.
        part: Of a name, an image or a project: those that are offered.
    """
    refs = frozenset(asked.containers)
    met: set[str] = set()
    offered: list[Choosable] = []
    more = chosen = 0
    for container in known:
        names = _names(container, refs)
        met |= names
        chosen += bool(names)
        if not names and not _found(container, part):
            continue
        if not names and len(offered) >= MOST_OFFERED:
            more += 1
            continue
        ref = f"{container.host}/{container.name}"
        offered.append(Choosable(ref=ref, chosen=bool(names), container=container))
    gone = tuple(ref for ref in asked.containers if ref not in met)
    return Picker(groups=_grouped(offered), gone=gone, more=more, chosen=chosen + len(gone))


def _names(container: ContainerDocument, refs: frozenset[str]) -> set[str]:
    """The references that mean this container."""
    if not refs:
        return set()
    own = {container.name, container.identity, f"{container.host}/{container.name}"}
    starts = {ref for ref in refs if len(ref) >= MIN_ID and container.id.startswith(ref)}
    return (own & refs) | starts


def _found(container: ContainerDocument, part: str) -> bool:
    project = container.compose.project if container.compose else ""
    words = f"{container.host}/{container.name} {container.image} {project}".lower()
    return part.lower() in words


def _grouped(offered: Sequence[Choosable]) -> tuple[Group, ...]:
    groups = []
    for host, entries in groupby(offered, key=lambda one: one.ref.partition("/")[0]):
        there = tuple(entries)
        composes = (one.container.compose for one in there if one.container)
        projects = {compose.project for compose in composes if compose}
        groups.append(Group(host=host, projects=tuple(sorted(projects)), entries=there))
    return tuple(groups)
