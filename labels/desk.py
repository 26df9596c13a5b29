"""The containers that the table of routes knows, and what of them is yet to be worked out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from labels import lifecycle
from labels.agenda import Agenda
from labels.facts import Facts
from labels.keys import Rules
from labels.known import Known, Register, Source, member_id
from labels.lifecycle import Seen
from labels.model import Cause, Issue, Key
from labels.places import Places
from labels.policy import TablePolicy
from labels.steps import Steps


class Desk:
    """Marks what news touches; `working_out` finds how those containers stand.

    Attributes:
        touched: The keys to be settled anew, and why; the last reason counts.
        untold: Issues to be told anew, by what they are about.
        deliberate: Keys that may go at once, as somebody wanted that.
    """

    def __init__(self, rules: Rules, policy: TablePolicy) -> None:
        self.rules = rules
        self.policy = policy
        self.register = Register()
        self.places = Places()
        self.agenda = Agenda()
        self.touched: dict[Key, Cause] = {}
        self.untold: dict[Source, tuple[Issue, ...]] = {}
        self.deliberate: set[Key] = set()
        self._stirred: dict[str, Cause] = {}

    # News

    def put(self, facts: Facts, cause: Cause, now: datetime) -> None:
        """A container is new, or changed, or as it was."""
        before = self.register.get(member_id(facts.host, facts.id))
        if before is not None and before.facts == facts and before.seen.removed is None:
            return
        known = self._renewed(before, facts, now)
        if before is not None:
            self.drop(before, cause)
        others = self.register.group(known.group)
        if known.parsed.routed or known.parsed.issues or others:
            self.add(known, cause)

    def add(self, known: Known, cause: Cause) -> None:
        """Begin with a container."""
        known.locate(self.places.get(known.facts.host))
        self.register.add(known)
        self.stir(known, cause)

    def remove(self, known: Known, cause: Cause, now: datetime) -> None:
        """A container is gone from its Engine."""
        if known.seen.removed is not None:
            return
        ended = now if known.alive else known.seen.ended
        if ended is None:
            self.drop(known, cause)
            return
        known.seen = Seen(ended=ended, removed=now)
        self.stir(known, cause)

    def drop(self, known: Known, cause: Cause, *, soft: bool = False) -> None:
        """Forget a container."""
        self.register.drop(known)
        self.touch(known.wishes, cause, soft=soft)
        self.agenda.put((known.id,), None)
        self.untold[known.source] = ()

    def reread(self, rules: Rules, cause: Cause) -> None:
        """Read all labels anew."""
        self.rules = rules
        for known in list(self.register.all()):
            self.deliberate.update(known.wishes)
            self.drop(known, cause)
            known.read(rules)
            self.add(known, cause)

    # Marks

    def stir(self, known: Known, cause: Cause, *, soft: bool = False) -> None:
        """Look at a container, and at all that it wants. `soft`: who has a reason keeps it."""
        if not soft or known.id not in self._stirred:
            self._stirred[known.id] = cause
        self.touch(known.wishes, cause, soft=soft)

    def touch(self, keys: Iterable[Key], cause: Cause, *, soft: bool = False) -> None:
        """Settle keys anew."""
        for key in keys:
            if not soft or key not in self.touched:
                self.touched[key] = cause

    def tick(self, now: datetime) -> None:
        """Mark what is due."""
        for _, name, event in self.agenda.due(now):
            if len(name) > 1:
                self.touch([Key(*name)], Cause(event=event), soft=True)
            elif known := self.register.get(*name):
                self.stir(known, about(known, event), soft=True)

    # Working out

    def working_out(self, now: datetime) -> Steps[None]:
        """How each container stands that was told of, and who takes the place of whom."""
        for name in list(self._stirred):
            if known := self.register.get(name):
                self._displace(known, self._stirred[name])
        for name, cause in self._stirred.items():
            if known := self.register.get(name):
                self._stand(known, cause, now)
            yield
        self._stirred = {}

    def _displace(self, known: Known, cause: Cause) -> None:
        """Whoever ended makes way at once for a container that follows it and runs."""
        group = list(self.register.group(known.group).values())
        if not any(each.alive for each in group):
            return
        for each in group:
            if each.seen.removed is not None:
                self.drop(each, cause, soft=True)
            elif each.seen.ended is not None:
                each.seen = Seen()
                self.stir(each, cause, soft=True)

    def _stand(self, known: Known, cause: Cause, now: datetime) -> None:
        host = known.facts.host
        known.stand = found = lifecycle.stand(
            known.facts,
            known.seen,
            self.policy,
            now,
            stale=self.places.stale_since(host) is not None,
            reached=self.places.reached(host),
        )
        if found.standing is None:
            if known.seen.removed is not None:
                self.drop(known, cause, soft=True)
                return
            known.seen = Seen()  # its grace is over for good
        self.agenda.put((known.id,), found.until, found.event)
        self.untold[known.source] = known.issues()

    def _renewed(self, before: Known | None, facts: Facts, now: datetime) -> Known:
        """A container as it was told of now, with what was seen of it before."""
        if before is None:
            known = Known(facts=facts, seen=lifecycle.follow(None, Seen(), facts, now))
            known.read(self.rules)
            return known
        known = Known(
            facts=facts,
            parsed=before.parsed,
            seen=lifecycle.follow(before.facts, before.seen, facts, now),
            wishes=before.wishes,
            found=before.found,
        )
        if (facts.labels, facts.name) != (before.facts.labels, before.facts.name):
            known.read(self.rules)
        return known


def about(known: Known, event: str) -> Cause:
    """A cause that is about a container."""
    facts = known.facts
    return Cause(event=event, host=facts.host, container=facts.name, container_id=facts.id)
