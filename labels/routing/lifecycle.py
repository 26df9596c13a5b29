"""How a container stands, from its state and health as they were seen. Pure; `now` is ours.

What the Engine says of time is never compared with our clock: a transition counts from when it was
seen here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from labels.facts import Facts
from labels.model import Standing, Value
from labels.routing.policy import TablePolicy

CREATED = frozenset(("created", "configured", "initialized"))  # the latter two are Podman's words
ALIVE = frozenset(("running", "paused", "restarting"))  # all but these and the above have ended
ENDED: frozenset[Standing] = frozenset(("draining", "stopped", "gone"))


class Seen(Value, frozen=True, kw_only=True):
    """What was seen of a container's life.

    Attributes:
        ended: When it was first seen to have ended; None while it runs, if it never ran as far as
            is known, or if another one has taken its place.
        removed: When it was seen to be gone from its Engine.
    """

    ended: datetime | None = None
    removed: datetime | None = None


class Stand(Value, frozen=True, kw_only=True):
    """How a container stands, before its endpoints and weights are looked at.

    Attributes:
        standing: None: it has no part in its routes; `reason` says why.
        until: When that changes if nothing else happens.
        event: What to call that change.
    """

    standing: Standing | None
    reason: str = ""
    until: datetime | None = None
    event: str = ""


def is_alive(facts: Facts) -> bool:
    """Whether a container has a run: it may be paused, or wait to be restarted."""
    return facts.state in ALIVE


def follow(before: Facts | None, seen: Seen, facts: Facts, now: datetime) -> Seen:
    """What is known of a container's life after it was seen again.

    One that had ended when it was first seen has had no route here: it gets no grace.
    """
    if is_alive(facts):
        return Seen()
    if before is not None and is_alive(before) and facts.state not in CREATED:
        return Seen(ended=now)
    return Seen(ended=seen.ended)


def stand(
    facts: Facts,
    seen: Seen,
    policy: TablePolicy,
    now: datetime,
    *,
    stale: bool = False,
    reached: datetime | None = None,
) -> Stand:
    """How a container stands now.

    Args:
        facts: The container as last seen.
        seen: What was seen of its life.
        policy: The times.
        now: Our time.
        stale: Its host cannot be reached, so nobody can tell whether it was recreated.
        reached: Since when its host can be reached again; a grace begins anew then.
    """
    if seen.removed is None and is_alive(facts):
        return Stand(standing=_alive(facts, stale=stale))
    if seen.ended is None:
        return Stand(standing=None, reason=_absent(facts))
    drained = seen.ended + timedelta(seconds=policy.drain)
    begun = max(filter(None, (seen.ended, seen.removed, reached)))
    over = max(drained, begun + timedelta(seconds=policy.recreate_grace))
    if now < drained:
        return Stand(standing="draining", until=drained, event="drained")
    if stale:
        return Stand(standing=_ended(seen))
    if now < over:
        return Stand(standing=_ended(seen), until=over, event="recreate grace over")
    return Stand(standing=None, reason=_absent(facts))


def _alive(facts: Facts, *, stale: bool) -> Standing:
    if facts.state == "paused":
        return "paused"
    # The Engine is about to start it again: its route answers 503 meanwhile.
    if facts.state == "restarting" or facts.health == "starting":
        return "starting"
    if facts.health == "unhealthy":
        return "unhealthy"
    return "stale" if stale else "up"


def _ended(seen: Seen) -> Standing:
    return "gone" if seen.removed is not None else "stopped"


def _absent(facts: Facts) -> str:
    if facts.state in CREATED:
        return "it was never started"
    return f"it does not run ({facts.state})"
