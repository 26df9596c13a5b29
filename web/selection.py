"""Filters of lists and streams. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice, takewhile

import msgspec

from web.documents import ContainerDocument, EventDocument, HostDocument
from web.expectations import LOOPING
from web.history import EventFilter

MIN_ID = 4  # characters of an id that may stand for the whole


class ContainerFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which containers are wanted. Empty means any; several labels must all match.

    Among `states` may be `looping`: those that end again and again, whatever their state is now.
    """

    hosts: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    healths: frozenset[str] = frozenset()
    labels: tuple[tuple[str, str | None], ...] = ()
    name: str | None = None


def parse_labels(labels: Sequence[str]) -> tuple[tuple[str, str | None], ...]:
    """`KEY` and `KEY=VALUE`; a value may hold `=` itself, and may be empty."""
    pairs = (label.partition("=") for label in labels)
    return tuple((key, value if equals else None) for key, equals, value in pairs)


def container_test(wanted: ContainerFilter) -> Callable[[ContainerDocument], bool]:
    """The filter as a function; only what is asked for is looked at."""
    tests: list[Callable[[ContainerDocument], bool]] = []
    if wanted.hosts:
        tests.append(lambda container: container.host in wanted.hosts)
    if wanted.states:
        tests.append(
            lambda container: (
                container.state in wanted.states or (container.looping and LOOPING in wanted.states)
            )
        )
    if wanted.healths:
        tests.append(lambda container: container.health.status in wanted.healths)
    if wanted.labels:
        tests.append(lambda container: has_labels(container.labels, wanted.labels))
    if wanted.name:
        named = name_test(wanted.name)
        tests.append(lambda container: named(container.name))
    return lambda container: all(test(container) for test in tests)


def pick(
    known: Sequence[ContainerDocument], refs: Sequence[str]
) -> tuple[list[ContainerDocument], tuple[str, ...]]:
    """Those that any of the references means, and the references that mean none.

    A reference is an id, the beginning of one, or HOST/NAME.
    """
    found: dict[str, ContainerDocument] = {}
    missing = []
    by_name = {f"{container.host}/{container.name}": container for container in known}
    by_id = sorted(known, key=_id)
    for ref in dict.fromkeys(refs):
        named = by_name.get(ref)
        meant = _beginning(by_id, ref) if named is None else [named]
        found |= {f"{one.host}/{one.id}": one for one in meant}
        if not meant:
            missing.append(ref)
    return [one for one in known if f"{one.host}/{one.id}" in found], tuple(missing)


def _id(container: ContainerDocument) -> str:
    return container.id


def _beginning(by_id: Sequence[ContainerDocument], ref: str) -> list[ContainerDocument]:
    """Those whose ids begin so, if it is long enough to stand for an id."""
    begin = bisect_left(by_id, ref, key=_id)
    found = takewhile(lambda one: one.id.startswith(ref), islice(by_id, begin, None))
    return list(found) if len(ref) >= MIN_ID else []


def host_test(
    labels: Sequence[str], statuses: Sequence[str], name: str | None
) -> Callable[[HostDocument], bool]:
    """Hosts with all of the labels, any of the states, and this name or a part of it."""
    pairs = parse_labels(labels)
    named = name_test(name) if name else None
    return lambda host: (
        has_labels(host.labels, pairs)
        and (not statuses or host.status in statuses)
        and (named is None or named(host.name))
    )


def has_labels(labels: Mapping[str, str], wanted: tuple[tuple[str, str | None], ...]) -> bool:
    """Whether all that are wanted are there; one without a value is met by any."""
    return all(key in labels and (value is None or labels[key] == value) for key, value in wanted)


def name_test(pattern: str) -> Callable[[str], bool]:
    """Names with this part, or that match this pattern."""
    if any(sign in pattern for sign in "*?["):
        return lambda name: fnmatchcase(name, pattern)
    return lambda name: pattern in name


def event_matches(event: EventDocument, wanted: EventFilter) -> bool:
    """Whether an event is wanted, but for its labels.

    An action is also met by its family: `exec_start` matches the Engine's `exec_start: sh -c ...`,
    and `health_status` matches `health_status: healthy`.
    """
    return (
        (not wanted.hosts or event.host in wanted.hosts)
        and (wanted.seen is None or event.host in wanted.seen)
        and (not wanted.types or event.type in wanted.types)
        and (not wanted.actions or any(_is_action(event.action, one) for one in wanted.actions))
        and (not wanted.containers or any(_is_of(event, one) for one in wanted.containers))
        and (wanted.since is None or event.time >= wanted.since)
        and (wanted.before is None or event.time < wanted.before)
    )


def _is_action(action: str, wanted: str) -> bool:
    return action == wanted or action.startswith(wanted + ":")


def _is_of(event: EventDocument, wanted: str) -> bool:
    if event.type == "container":
        actor, name = event.actor_id, event.name
    else:  # a network's or volume's event names the container that it concerns
        actor, name = event.attributes.get("container", ""), None
    if name is not None and wanted in (name, f"{event.host}/{name}"):
        return True
    return len(wanted) >= MIN_ID and actor.startswith(wanted)
