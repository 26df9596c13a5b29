"""Mass removal: when too many routes would go at once, those are held for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from labels.model import Issue, Key, Route
from labels.routing.lifecycle import ENDED
from labels.routing.ordered import Ordered
from labels.routing.policy import TablePolicy
from labels.routing.words import listed

WINDOW = timedelta(minutes=1)
_MOST_NAMED = 3


class Holding:
    """Counts the routes that go by themselves, and decides which are held.

    Routes that will go soon, as nobody is left in them but who ended, count along: else the first
    half of a mass removal would slip through before the rest is held.

    Attributes:
        dying: Those that will go soon.
        until: Until when each held route is kept.
    """

    def __init__(self, policy: TablePolicy) -> None:
        self.policy = policy
        self.dying: set[Key] = set()
        self.until: Ordered[Key, datetime] = Ordered()
        self._told: tuple[Issue, ...] | None = ()
        # Within the window, the oldest first:
        self._went: dict[Key, datetime] = {}
        self._kept: dict[Key, datetime] = {}  # would have gone, and are held

    def mark(self, key: Key, *, dying: bool) -> None:
        """Say whether a route will go soon."""
        if dying:
            self.dying.add(key)
        else:
            self.dying.discard(key)

    def done(self, key: Key) -> None:
        """A route is there (again), its hold is over, or it was taken away deliberately."""
        self._went.pop(key, None)
        self._kept.pop(key, None)
        if self.until.put(key, None):
            self._told = None

    def resume(self, key: Key, until: datetime) -> None:
        """A route was held by an earlier run of ours."""
        self.until.put(key, until)
        self._told = None

    def hold(self, going: Sequence[Key], routes: int, now: datetime) -> datetime | None:
        """Decide about routes that would go now.

        Args:
            going: Their keys, which are not in `dying`.
            routes: How many routes there are, with those going and those held.
            now: Our time.

        Returns:
            Until when all of them are to be held; None to let them go.
        """
        for recent in (self._went, self._kept):
            _expire(recent, now)
        going_at_all = len(self._went) + len(self._kept) + len(going) + len(self.dying)
        share = self.policy.mass_removal
        # Those of a minute ago, without what was held by then: that serves nobody.
        before = routes + len(self._went) + len(self._kept) - len(self.until)
        few = not share or going_at_all < self.policy.mass_removal_least
        if few or going_at_all <= share * before:
            self._went |= dict.fromkeys(going, now)
            return None
        until = now + timedelta(seconds=self.policy.mass_removal_hold)
        self._kept |= dict.fromkeys(going, now)
        for key in going:
            self.until.put(key, until)
        self._told = None
        return until

    def issues(self) -> tuple[Issue, ...]:
        """What to tell of the held routes; nothing if there are none."""
        if self._told is None:
            self._told = (_issue(self.until),) if len(self.until) else ()
        return self._told


def _expire(recent: dict[Key, datetime], now: datetime) -> None:
    """Forget what is older than the window."""
    while recent and now - recent[oldest := next(iter(recent))] >= WINDOW:
        del recent[oldest]


def _issue(until: Ordered[Key, datetime]) -> Issue:
    names = [key.domain + (key.path if key.path != "/" else "") for key in until.keys[:_MOST_NAMED]]
    if len(until) > _MOST_NAMED:
        names.append(f"{len(until) - _MOST_NAMED} more")
    return Issue(
        code="mass-removal-held",
        severity="warning",
        message=f"Too many routes would be gone at once, {len(until)} of them are held: "
        f"{listed(names, len(names))}.",
        action="They are kept, and answer 503, until their containers come back, or until "
        f"{max(until.values):%Y-%m-%d %H:%M:%S} UTC. With mass_removal = 0 they go at once.",
    )


def held(route: Route, until: datetime) -> Route:
    """The route as it is kept: nobody gets its requests any longer."""
    members = tuple(
        member
        if member.standing in ENDED
        else msgspec.structs.replace(member, standing="gone", stale_since=None)
        for member in route.members
    )
    return msgspec.structs.replace(route, members=members, held_until=until)
