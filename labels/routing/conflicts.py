"""Who has a domain and path that several want on different terms. Independent of any order.

Static routes come first; then who can serve, before who cannot be reached or is switched off,
before who has ended; then who runs for longest, by name, by id. A health check does not count:
a container that starts, is unhealthy or paused keeps what it has won, or its domain would jump to
other software and back with every check that fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from labels.model import Conflict, Issue, Key, Loser, Member, Settings
from labels.routing.words import differing, listed

_NEVER = datetime.max.replace(tzinfo=UTC)
_RULES = (
    "static routes come first",
    "who can serve comes first",
    "runs for longest",
    "first by name",
    "first by id",
)


class Candidate(NamedTuple):
    """Who wants a domain and path, and on which terms. `absent`: why it has no part in it now."""

    member: Member
    settings: Settings
    ended: bool = False
    absent: str = ""


class _Rank(NamedTuple):
    """The least wins."""

    dynamic: bool
    unable: int
    started: datetime
    name: str
    id: str


def rank(candidate: Candidate) -> _Rank:
    """Where a candidate stands among those that want the same."""
    member = candidate.member
    unable = 2 if candidate.ended else int(member.standing in ("unreachable", "off"))
    return _Rank(
        member.origin != "static", unable, member.started or _NEVER, member.name, member.id
    )


def rule(winner: Candidate, others: Iterable[Candidate]) -> str:
    """Why `winner` is before the best of the others, in words."""
    pairs = zip(rank(winner), min(map(rank, others)), strict=True)
    return next(words for words, (one, two) in zip(_RULES, pairs, strict=True) if one != two)


def conflict(key: Key, winner: Candidate, losers: Sequence[Candidate]) -> Conflict:
    """Say who lost to whom, and why. Losers are sorted by name, then id."""
    return Conflict(
        domain=key.domain,
        path=key.path,
        winner=winner.member,
        rule=rule(winner, losers),
        losers=tuple(
            Loser(
                member=each.member,
                settings=each.settings,
                differs=differing(winner.settings, each.settings),
            )
            for each in sorted(losers, key=lambda each: (each.member.name, each.member.id))
        ),
    )


def issue(found: Conflict, loser: Loser) -> Issue:
    """What to tell the loser."""
    member, winner = loser.member, found.winner
    where = found.domain + (found.path if found.path != "/" else "")
    names = [name.replace("_", "-") for name in loser.differs]
    return Issue(
        code="conflict",
        severity="error",
        message=f"{winner.name} has {where} on other terms: {listed(names, most=12)} differ"
        f"{'s' if len(names) == 1 else ''}.",
        action=f"{member.name} is not served there ({found.rule}).",
        host=member.host,
        container=label_of(member),
        domain=found.domain,
    )


def label_of(member: Member) -> str:
    """What issues call a member: the container's name."""
    return member.name.removeprefix(f"{member.host}/")
