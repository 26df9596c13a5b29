"""What a snapshot holds of a container, and how its members stood."""

from __future__ import annotations

from msgspec.structs import replace

from labels.model import Key
from labels.parsing.keys import Rules
from labels.routing.backends import Backend, member_id
from labels.routing.settled import Settled
from labels.routing.snapshot import Remembered, Snapshot, Stood


def remembered(backend: Backend, settled: Settled, rules: Rules) -> Remembered:
    """A container for a snapshot, without the labels that mean nothing here."""
    stood = []
    for key in backend.wishes:
        fate = settled.pool(key).fates.get(backend.id)
        if fate is not None and fate.member.since is not None:
            member, since = fate.member, fate.member.since
            stood.append(
                Stood(domain=key.domain, path=key.path, standing=member.standing, since=since)
            )
    facts = replace(backend.facts, labels=backend.labels(rules))
    return Remembered(facts=facts, seen=backend.seen, stood=tuple(stood))


def stood(snapshot: Snapshot) -> dict[tuple[Key, str], Stood]:
    """How all members stood, by key and their names in the table."""
    return {
        (Key(each.domain, each.path), member_id(backend.facts.host, backend.facts.id)): each
        for backend in snapshot.containers
        for each in backend.stood
    }
