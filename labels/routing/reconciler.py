"""The containers behind the routes, and what of them is yet to be worked out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from labels.facts import Facts
from labels.model import Cause, Issue, Key
from labels.parsing.keys import Rules
from labels.routing import lifecycle
from labels.routing.backends import Backend, Backends, Source, member_id
from labels.routing.lifecycle import Seen
from labels.routing.places import Places
from labels.routing.policy import TablePolicy
from labels.routing.steps import Steps
from labels.routing.timers import Timers


class Reconciler:
    """Marks what news touches; `working_out` finds how those containers stand.

    Attributes:
        touched: The keys to be settled anew, and why; the last reason counts.
        untold: Issues to be told anew, by what they are about.
        deliberate: Keys that may go at once, as somebody wanted that.
    """

    def __init__(self, rules: Rules, policy: TablePolicy) -> None:
        self.rules = rules
        self.policy = policy
        self.backends = Backends()
        self.places = Places()
        self.timers = Timers()
        self.touched: dict[Key, Cause] = {}
        self.untold: dict[Source, tuple[Issue, ...]] = {}
        self.deliberate: set[Key] = set()
        self._stirred: dict[str, Cause] = {}

    # News

    def put(self, facts: Facts, cause: Cause, now: datetime) -> None:
        """A container is new, or changed, or as it was."""
        before = self.backends.get(member_id(facts.host, facts.id))
        if before is not None and before.facts == facts and before.seen.removed is None:
            return
        backend = self._renewed(before, facts, now)
        if before is not None:
            self.drop(before, cause)
        others = self.backends.group(backend.group)
        if backend.parsed.routed or backend.parsed.issues or others:
            self.add(backend, cause)

    def add(self, backend: Backend, cause: Cause) -> None:
        """Begin with a container."""
        backend.locate(self.places.get(backend.facts.host))
        self.backends.add(backend)
        self.stir(backend, cause)

    def remove(self, backend: Backend, cause: Cause, now: datetime) -> None:
        """A container is gone from its Engine."""
        if backend.seen.removed is not None:
            return
        ended = now if backend.alive else backend.seen.ended
        if ended is None:
            self.drop(backend, cause)
            return
        backend.seen = Seen(ended=ended, removed=now)
        self.stir(backend, cause)

    def drop(self, backend: Backend, cause: Cause, *, soft: bool = False) -> None:
        """Forget a container."""
        self.backends.drop(backend)
        self.touch(backend.wishes, cause, soft=soft)
        self.timers.put((backend.id,), None)
        self.untold[backend.source] = ()

    def reread(self, rules: Rules, cause: Cause) -> None:
        """Read all labels anew."""
        self.rules = rules
        for backend in list(self.backends.all()):
            self.deliberate.update(backend.wishes)
            self.drop(backend, cause)
            backend.read(rules)
            self.add(backend, cause)

    # Marks

    def stir(self, backend: Backend, cause: Cause, *, soft: bool = False) -> None:
        """Look at a container, and at all that it wants. `soft`: who has a reason keeps it."""
        if not soft or backend.id not in self._stirred:
            self._stirred[backend.id] = cause
        self.touch(backend.wishes, cause, soft=soft)

    def touch(self, keys: Iterable[Key], cause: Cause, *, soft: bool = False) -> None:
        """Settle keys anew."""
        for key in keys:
            if not soft or key not in self.touched:
                self.touched[key] = cause

    def tick(self, now: datetime) -> None:
        """Mark what is due."""
        for _, name, event in self.timers.due(now):
            if len(name) > 1:
                self.touch([Key(*name)], Cause(event=event), soft=True)
            elif backend := self.backends.get(*name):
                self.stir(backend, about(backend, event), soft=True)

    # Working out

    def working_out(self, now: datetime) -> Steps[None]:
        """How each container stands that was told of, and who takes the place of whom."""
        for name in list(self._stirred):
            if backend := self.backends.get(name):
                self._displace(backend, self._stirred[name])
        for name, cause in self._stirred.items():
            if backend := self.backends.get(name):
                self._stand(backend, cause, now)
            yield
        self._stirred = {}

    def _displace(self, backend: Backend, cause: Cause) -> None:
        """Whoever ended makes way at once for a container that follows it and runs."""
        group = list(self.backends.group(backend.group).values())
        if not any(each.alive for each in group):
            return
        for each in group:
            if each.seen.removed is not None:
                self.drop(each, cause, soft=True)
            elif each.seen.ended is not None:
                each.seen = Seen()
                self.stir(each, cause, soft=True)

    def _stand(self, backend: Backend, cause: Cause, now: datetime) -> None:
        host = backend.facts.host
        backend.stand = found = lifecycle.stand(
            backend.facts,
            backend.seen,
            self.policy,
            now,
            stale=self.places.stale_since(host) is not None,
            reached=self.places.reached(host),
        )
        if found.standing is None:
            if backend.seen.removed is not None:
                self.drop(backend, cause, soft=True)
                return
            backend.seen = Seen()  # its grace is over for good
        self.timers.put((backend.id,), found.until, found.event)
        self.untold[backend.source] = backend.issues()

    def _renewed(self, before: Backend | None, facts: Facts, now: datetime) -> Backend:
        """A container as it was told of now, with what was seen of it before."""
        if before is None:
            backend = Backend(facts=facts, seen=lifecycle.follow(None, Seen(), facts, now))
            backend.read(self.rules)
            return backend
        backend = Backend(
            facts=facts,
            parsed=before.parsed,
            seen=lifecycle.follow(before.facts, before.seen, facts, now),
            wishes=before.wishes,
            found=before.found,
        )
        if (facts.labels, facts.name) != (before.facts.labels, before.facts.name):
            backend.read(self.rules)
        return backend


def about(backend: Backend, event: str) -> Cause:
    """A cause that is about a container."""
    facts = backend.facts
    return Cause(event=event, host=facts.host, container=facts.name, container_id=facts.id)
