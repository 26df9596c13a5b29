"""The hosts as the table of routes knows them: where they are, and whether they were heard of."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from labels.facts import Place


class Places:
    """Hosts: known once listed, or remembered from a snapshot."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._known: set[str] = set()
        self._given_up: set[str] = set()
        self._reached: dict[str, datetime] = {}
        self._unlisted: dict[str, datetime] = {}  # remembered ones: since when

    def get(self, host: str) -> Place | None:
        """Where a host is."""
        return self._places.get(host)

    def put(self, place: Place, now: datetime) -> bool:
        """Set where a host is. Whether that is a change."""
        before = self._places.get(place.name)
        if before == place:
            return False
        self._places[place.name] = place
        if before is not None and before.stale_since is not None and place.stale_since is None:
            self._reached[place.name] = now
        return True

    def remember(self, place: Place, since: datetime) -> None:
        """A host of a snapshot: known, and stale until it is listed."""
        self._places.setdefault(place.name, place)
        self._known.add(place.name)
        self._unlisted[place.name] = place.stale_since or since

    def listed(self, host: str, now: datetime) -> bool:
        """All containers of a host were told. Whether it was remembered until now."""
        self._known.add(host)
        if self._unlisted.pop(host, None) is None:
            return False
        self._reached[host] = now
        return True

    def give_up(self, host: str) -> None:
        """Do not wait for a host any longer."""
        self._given_up.add(host)

    def forget(self, host: str) -> None:
        """A host left the configuration."""
        self._places.pop(host, None)
        self._known.discard(host)
        self._given_up.discard(host)
        self._reached.pop(host, None)
        self._unlisted.pop(host, None)

    def stale_since(self, host: str) -> datetime | None:
        """Since when nothing was heard of a host; None if it can be reached."""
        place = self._places.get(host)
        said = place.stale_since if place is not None else None
        return min(filter(None, (said, self._unlisted.get(host))), default=None)

    def reached(self, host: str) -> datetime | None:
        """When a host could be reached again for the last time."""
        return self._reached.get(host)

    @property
    def missing(self) -> tuple[str, ...]:
        """The hosts of which nothing is known, sorted."""
        return tuple(sorted(self._places.keys() - self._known))

    @property
    def complete(self) -> bool:
        """Whether each host is known, or was waited for long enough."""
        return not self._places.keys() - self._known - self._given_up

    def remembered(self) -> tuple[Place, ...]:
        """What a snapshot holds: the known ones by name, each with since when it is stale."""
        known = sorted(self._known & self._places.keys())
        return tuple(
            replace(self._places[host], stale_since=self.stale_since(host)) for host in known
        )
