"""What labels would make, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from labels.facts import Facts, Place, Published
from labels.model import Cause, Issue, Parsed, RoutedContainer, Table, Value
from labels.parsing.keys import Rules
from labels.parsing.parser import parse
from labels.preview.compose import Compose, Service
from labels.routing.table import RouteTable

_RULES = Rules()
_CAUSE = Cause(event="listed")


class PreviewedService(Value, frozen=True, kw_only=True):
    """One service: what its labels say, and what becomes of it on each of its containers.

    `issues` are those of the file itself; those of labels are in `parsed`, all others in the table.
    """

    name: str
    parsed: Parsed
    containers: tuple[RoutedContainer, ...] = ()
    issues: tuple[Issue, ...] = ()


class Preview(Value, frozen=True, kw_only=True):
    """All services in the order of the file, and the table that they would make, alone."""

    services: tuple[PreviewedService, ...]
    table: Table
    issues: tuple[Issue, ...] = ()


def preview(
    source: Compose | Mapping[str, str], place: Place, rules: Rules = _RULES, *, now: datetime
) -> Preview:
    """What a Compose file, or the labels of one container, would make if all ran on a host.

    Of labels alone nobody knows what the container publishes: each port that they speak of is
    taken to be published as itself.
    """
    if not isinstance(source, Compose):
        source = Compose(project="", services=(alone("container", source, place, rules),))
    table = RouteTable(rules)
    table.place(place, _CAUSE, now)
    for service in source.services:
        for facts in service.containers:
            table.put(_here(facts, place), _CAUSE, now)
    table.listed(place.name, now)
    table.settle(now)
    routed: dict[str, RoutedContainer] = {each.id: each for each in table.containers()}
    return Preview(
        services=tuple(
            PreviewedService(
                name=service.name,
                parsed=parse(service.labels, place.name, service.name, rules),
                containers=tuple(
                    routed[facts.id] for facts in service.containers if facts.id in routed
                ),
                issues=service.issues,
            )
            for service in source.services
        ),
        table=table.table,
        issues=source.issues,
    )


def _here(facts: Facts, place: Place) -> Facts:
    return facts if facts.host == place.name else msgspec.structs.replace(facts, host=place.name)


def alone(name: str, labels: Mapping[str, str], place: Place, rules: Rules = _RULES) -> Service:
    """One container with these labels: each port that they speak of is published as itself."""
    ports = sorted({wish.port for wish in parse(labels, rules=rules).wishes})
    facts = Facts(
        host=place.name,
        id=name,
        name=name,
        identity=f"name:{name}",
        labels=dict(labels),
        state="running",
        ports=tuple(Published(container_port=port, host_port=port) for port in ports),
        addresses=(name,),
    )
    return Service(name=name, labels=facts.labels, containers=(facts,))
