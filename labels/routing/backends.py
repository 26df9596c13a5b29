"""Containers as the backends of routes: one of them, and all by what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from labels.facts import Facts, Place
from labels.model import Issue, Key, Member, Parsed, Standing, Wish
from labels.parsing.keys import Rules
from labels.parsing.parser import parse
from labels.parsing.spotting import spots
from labels.routing.conflicts import Candidate
from labels.routing.endpoints import Resolution, resolve
from labels.routing.lifecycle import ENDED, Seen, Stand, is_alive

_ABSENT = Stand(standing=None)
_NOTHING = Parsed()

K = TypeVar("K")
Source = tuple[str, ...]


def member_id(host: str, container_id: str) -> str:
    """What a container is called in the table."""
    return f"{host}/{container_id}"


@dataclass(slots=True)
class Backend:
    """A container, what its labels say, and what was seen of its life.

    Attributes:
        wishes: Those that count; labels may switch them all off.
        found: Where it is reached; of one that does not run, where it was.
    """

    facts: Facts
    parsed: Parsed = _NOTHING
    seen: Seen = field(default_factory=Seen)
    stand: Stand = _ABSENT
    wishes: dict[Key, Wish] = field(default_factory=dict)
    found: dict[Key, Resolution] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What it is called in the table."""
        return member_id(self.facts.host, self.facts.id)

    @property
    def source(self) -> Source:
        """Where its issues stand among all."""
        return self.facts.host, self.facts.name, self.id

    @property
    def group(self) -> tuple[str, str]:
        """What it shares with those that it was recreated from; one for one command, with none."""
        return self.facts.host, "" if self.facts.one_off else self.facts.identity

    @property
    def alive(self) -> bool:
        """Whether it has a run."""
        return self.seen.removed is None and is_alive(self.facts)

    @property
    def located(self) -> bool:
        """Whether its Engine can tell its ports now: one that waits for a restart has none."""
        return self.alive and self.facts.state != "restarting"

    def read(self, rules: Rules) -> None:
        """Read its labels."""
        facts = self.facts
        self.parsed = parse(facts.labels, facts.host, facts.name, rules)
        if facts.one_off and self.parsed.wishes:
            self.parsed = replace(self.parsed, wishes=(), issues=(_one_off(facts),))
        self.wishes = {wish.key: wish for wish in self.parsed.wishes if self.parsed.enabled}

    def locate(self, place: Place | None) -> None:
        """Find where it is reached. One that does not run has no ports: what was found stays."""
        if self.located:
            self.found = {key: resolve(self.facts, place, w) for key, w in self.wishes.items()}
        else:
            self.found = {key: each for key, each in self.found.items() if key in self.wishes}

    def labels(self, rules: Rules) -> dict[str, str]:
        """Those of its labels that are RevP's."""
        return {key: self.facts.labels[key] for key, _ in spots(self.facts.labels, rules.prefix)}

    def issues(self) -> tuple[Issue, ...]:
        """All that is wrong with it by itself, by key. One that is removed is past it."""
        if self.seen.removed is not None:
            return ()
        found = list(self.parsed.issues)
        if self.located:
            found += [each.issue for each in self.found.values() if each.issue is not None]
        return tuple(sorted(found, key=lambda each: (each.key, each.code, each.domain)))

    def trouble(self, key: Key) -> str:
        """Why nobody can reach it for a domain and path that it wants."""
        issue = self.found.get(key, Resolution()).issue
        return issue.message if issue is not None else ""

    def candidate(self, key: Key, stale_since: datetime | None) -> Candidate:
        """Its claim to a domain and path that it wants."""
        wish, facts, stand = self.wishes[key], self.facts, self.stand
        found = self.found.get(key, Resolution())
        member = Member(
            id=self.id,
            host=facts.host,
            container_id=facts.id,
            name=f"{facts.host}/{facts.name}",
            identity=facts.identity,
            endpoint=found.endpoint,
            trace=found.trace,
            weight=wish.weight,
            standing=self._standing(wish, found),
            stale_since=stale_since,
            started=facts.started,
            title=wish.title,
            description=wish.description,
            extras=wish.extras,
        )
        absent = stand.reason if stand.standing is None else ""
        return Candidate(member, wish.settings, stand.standing in ENDED, absent)

    def _standing(self, wish: Wish, found: Resolution) -> Standing:
        standing = self.stand.standing
        if standing is None:
            return "stopped"
        if wish.weight == 0:
            return "off"
        return "unreachable" if self.located and found.endpoint is None else standing


def _one_off(facts: Facts) -> Issue:
    return Issue(
        code="one-off",
        severity="info",
        message="It runs one command (`docker compose run`), with the labels of its service.",
        action="There is no route to it.",
        host=facts.host,
        container=facts.name,
    )


class Backends:
    """All containers: by id, by host, by what they want, and by whom they follow."""

    def __init__(self) -> None:
        self._all: dict[str, Backend] = {}
        self._hosts: dict[str, dict[str, Backend]] = {}
        self._keys: dict[Key, dict[str, Backend]] = {}
        self._groups: dict[tuple[str, str], dict[str, Backend]] = {}

    def get(self, name: str) -> Backend | None:
        """One by the table's name of it."""
        return self._all.get(name)

    def all(self) -> Iterable[Backend]:
        """All of them, in no order."""
        return self._all.values()

    def of_host(self, host: str) -> Mapping[str, Backend]:
        """Those of one host, by their names in the table."""
        return self._hosts.get(host, {})

    def wanting(self, key: Key) -> Mapping[str, Backend]:
        """Those that want a domain and path."""
        return self._keys.get(key, {})

    def group(self, group: tuple[str, str]) -> Mapping[str, Backend]:
        """Those that are one after the other, as a recreate makes them; none without identity."""
        return self._groups.get(group, {}) if group[1] else {}

    def add(self, backend: Backend) -> None:
        """Begin with one."""
        self._all[backend.id] = backend
        self._hosts.setdefault(backend.facts.host, {})[backend.id] = backend
        self._groups.setdefault(backend.group, {})[backend.id] = backend
        for key in backend.wishes:
            self._keys.setdefault(key, {})[backend.id] = backend

    def drop(self, backend: Backend) -> None:
        """Forget one."""
        del self._all[backend.id]
        _take(self._hosts, backend.facts.host, backend.id)
        _take(self._groups, backend.group, backend.id)
        for key in backend.wishes:
            _take(self._keys, key, backend.id)


def _take(index: dict[K, dict[str, Backend]], where: K, name: str) -> None:
    del index[where][name]
    if not index[where]:
        del index[where]
