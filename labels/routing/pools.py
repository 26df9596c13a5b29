"""From all who want a domain and path to its route: one pool, its losers, and who waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from msgspec.structs import replace

from labels.model import Conflict, Key, Member, Outcome, Route, Standing, Waiting
from labels.routing.conflicts import Candidate, conflict, rank
from labels.routing.snapshot import Stood
from labels.routing.words import STANDINGS


class Fate(NamedTuple):
    """What became of one wish."""

    member: Member
    outcome: Outcome
    reason: str


class Pool(NamedTuple):
    """What is to be said of one domain and path. `fates` are by the members' ids.

    `dying`: nobody is left but those that ended, so that it will be gone soon. Where a host is out
    of reach nothing goes.
    """

    route: Route | None = None
    conflict: Conflict | None = None
    waiting: tuple[Waiting, ...] = ()
    fates: Mapping[str, Fate] = MappingProxyType({})
    dying: bool = False


EMPTY = Pool()


def pool(key: Key, candidates: Sequence[Candidate]) -> Pool:
    """Settle who is served at `key`; the order of the candidates plays no part."""
    present = [each for each in candidates if not each.absent]
    awaited = {each.member.id: each.absent for each in candidates if each.absent}
    if not present:
        return Pool(waiting=_waiting(key, candidates, awaited), fates=_fates(candidates, awaited))
    winner = min(present, key=rank)
    chosen = [each for each in present if each.settings == winner.settings]
    others = [each for each in present if each.settings != winner.settings]
    # Whoever ended claims nothing: it is no loser, it waits.
    awaited |= {
        each.member.id: f"it has ended, and {winner.member.name} is served on other terms"
        for each in others
        if each.ended
    }
    losers = [each for each in others if not each.ended]
    found = conflict(key, winner, losers) if losers else None
    members = sorted((each.member for each in chosen), key=lambda one: (one.name, one.id))
    return Pool(
        route=Route(
            domain=key.domain, path=key.path, settings=winner.settings, members=tuple(members)
        ),
        conflict=found,
        waiting=_waiting(key, candidates, awaited),
        fates=_fates(candidates, awaited, found),
        dying=all(each.ended and each.member.stale_since is None for each in chosen),
    )


def dated(candidate: Candidate, before: Member | Stood | None, now: datetime) -> Candidate:
    """The candidate, told since when it stands as it does. The reach of its host plays no part."""
    member = candidate.member
    same = before is not None and _plain(before.standing) == _plain(member.standing)
    since = before.since if same and before is not None else None
    return candidate._replace(member=replace(member, since=since or now))


def _plain(standing: Standing) -> Standing:
    return "up" if standing == "stale" else standing


def _waiting(
    key: Key, candidates: Sequence[Candidate], awaited: dict[str, str]
) -> tuple[Waiting, ...]:
    members = [each.member for each in candidates if each.member.id in awaited]
    return tuple(
        Waiting(domain=key.domain, path=key.path, member=member, reason=awaited[member.id])
        for member in sorted(members, key=lambda one: (one.name, one.id))
    )


def _fates(
    candidates: Sequence[Candidate], awaited: dict[str, str], found: Conflict | None = None
) -> dict[str, Fate]:
    lost = {loser.member.id for loser in found.losers} if found else set()
    return {
        each.member.id: _fate(each.member, awaited, found if each.member.id in lost else None)
        for each in candidates
    }


def _fate(member: Member, awaited: dict[str, str], lost: Conflict | None) -> Fate:
    if member.id in awaited:
        return Fate(member, "waiting", awaited[member.id])
    if lost is not None:
        return Fate(member, "lost", f"{lost.winner.name} has it: {lost.rule}")
    if member.standing == "unreachable":
        return Fate(member, "dropped", STANDINGS["unreachable"])
    return Fate(member, "served", "" if member.serving else STANDINGS[member.standing])
