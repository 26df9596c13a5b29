"""Where routes that are only previewed meet those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from labels.model import Member, Route, Table, Value
from labels.routing.conflicts import Candidate, rank, rule
from labels.routing.lifecycle import ENDED
from labels.routing.words import differing


class Meeting(Value, frozen=True, kw_only=True):
    """A domain and path that the previewed want, and somebody has.

    Attributes:
        outcome: `replaces`: it is theirs already, by their hosts and identities; `joins`: all would
            be in one pool; `wins` and `loses`: the terms differ, and only one side can have it.
        members: Who has it, by name.
        differs: The names of the settings that differ from theirs, sorted.
        rule: Why one side wins, in words.
    """

    domain: str
    path: str
    outcome: Literal["replaces", "joins", "wins", "loses"]
    members: tuple[str, ...]
    differs: tuple[str, ...] = ()
    rule: str = ""


def meet(previewed: Table, live: Table) -> tuple[Meeting, ...]:
    """All that meet, by domain and path."""
    there = {route.key: route for route in live.routes}
    return tuple(_meet(route, there[route.key]) for route in previewed.routes if route.key in there)


def _meet(ours: Route, theirs: Route) -> Meeting:
    same = {(member.host, member.identity) for member in ours.members}
    others = [one for one in theirs.members if (one.host, one.identity) not in same]
    differs = differing(theirs.settings, ours.settings)
    outcome: Literal["replaces", "joins", "wins", "loses"] = "joins" if others else "replaces"
    why = ""
    if others and differs:
        winner, loser = sorted((_best(ours, ours.members), _best(theirs, others)), key=rank)
        outcome = "wins" if winner.settings == ours.settings else "loses"
        why = rule(winner, [loser])
    return Meeting(
        domain=ours.domain,
        path=ours.path,
        outcome=outcome,
        members=tuple(member.name for member in others or theirs.members),
        differs=differs,
        rule=why,
    )


def _best(route: Route, members: Sequence[Member]) -> Candidate:
    return min(
        (Candidate(one, route.settings, ended=one.standing in ENDED) for one in members), key=rank
    )
