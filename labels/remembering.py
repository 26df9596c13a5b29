"""What a snapshot holds of a container, and how its members stood."""

from __future__ import annotations

from msgspec.structs import replace

from labels.board import Board
from labels.keys import Rules
from labels.known import Known, member_id
from labels.model import Key
from labels.snapshot import Remembered, Snapshot, Stood


def remembered(known: Known, board: Board, rules: Rules) -> Remembered:
    """A container for a snapshot, without the labels that mean nothing here."""
    stood = []
    for key in known.wishes:
        fate = board.pool(key).fates.get(known.id)
        if fate is not None and fate.member.since is not None:
            member, since = fate.member, fate.member.since
            stood.append(
                Stood(domain=key.domain, path=key.path, standing=member.standing, since=since)
            )
    facts = replace(known.facts, labels=known.labels(rules))
    return Remembered(facts=facts, seen=known.seen, stood=tuple(stood))


def stood(snapshot: Snapshot) -> dict[tuple[Key, str], Stood]:
    """How all members stood, by key and their names in the table."""
    return {
        (Key(each.domain, each.path), member_id(known.facts.host, known.facts.id)): each
        for known in snapshot.containers
        for each in known.stood
    }
