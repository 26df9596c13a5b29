"""What is to be published next: the marked things, and what differs from what was last told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from config.models import Host
from fleet.mirror.hosts import mirrored
from fleet.mirror.kinds import About, Metric, NumberedChange, TableHead
from fleet.mirror.marks import Marks
from fleet.mirror.tables import PARTS, parts_of, routed_parts
from fleet.revp.feed import KEPT as KEPT_CHANGES
from fleet.revp.keeper import RouteKeeper
from fleet.tracker import Tracker
from labels.model import Table
from storage.live import Key
from web.config_documents import EffectiveConfigDocument
from web.documents import ConfigDocument, RouteCountsDocument, StorageDocument
from web.exposition.text import Family

KEPT_EVENTS = 1000  # for who begins to follow; history has the others
METRICS_SECONDS = 5.0  # until metrics are told again
SHARE = 0.05  # of the time, at most, goes into looking through containers with labels

Told = tuple[Key, object | None]


@dataclass(frozen=True)
class Watched:
    """Where everything comes from.

    Attributes:
        started: When the program began.
        tracker: The live state.
        hosts: The configured hosts.
        keeper: The table of routes.
        config: The state of the configuration.
        effective: All of it that is in force.
        storage: The state of the recorder.
        counts: The routes in short.
        metrics: Of the program itself.
    """

    started: datetime
    tracker: Tracker
    hosts: Callable[[], Mapping[str, Host]]
    keeper: RouteKeeper
    config: Callable[[], ConfigDocument]
    effective: Callable[[], EffectiveConfigDocument]
    storage: Callable[[], StorageDocument]
    counts: Callable[[], RouteCountsDocument]
    metrics: Callable[[], Iterable[Family]]


class Teller:
    """Knows what was told since it was made, and so what is not told yet."""

    def __init__(self, watched: Watched, marks: Marks) -> None:
        self._watched = watched
        self._marks = marks
        self._there: set[Key] = set()
        self._documents: dict[Key, object] = {}
        self._table: Table | None = None
        self._routed: Table | None = None
        self._look_again = 0.0
        self._event = 0
        self._change = 0
        self._metrics_at = 0.0

    def everything(self) -> list[Told]:
        """All there is. Call it first."""
        self._marks.take()
        return self._told(self._marks.all())

    def news(self) -> list[Told]:
        """What is not told yet."""
        return self._told(self._marks.take())

    def _told(self, marked: Iterable[Key]) -> list[Told]:
        told: list[Told] = []
        gone = False
        for key in marked:
            value = self._marks.value(key)
            if value is not None:
                self._there.add(key)
                told.append((key, value))
            elif key in self._there:
                self._there.discard(key)
                told.append((key, None))
                gone |= key.kind == "state"
        if gone:  # of a host that left nobody is told which images it had
            told += self._without_host()
        return [*told, *self._differing(), *self._events(), *self._changes()]

    def _without_host(self) -> list[Told]:
        hosts = self._watched.tracker.hosts
        lost = [key for key in self._there if key.host not in hosts]
        self._there.difference_update(lost)
        return [(key, None) for key in lost]

    def _differing(self) -> list[Told]:
        """The small documents, hosts and parts of the table that are others than were told."""
        now = self._small()
        table = self._watched.keeper.table()
        kept: set[str] = {"metrics"}
        if table is not self._table:
            self._table = table
            now |= parts_of(table)
        else:
            kept |= set(PARTS)
        if table is not self._routed and perf_counter() >= self._look_again:
            begun = perf_counter()
            self._routed = table
            now |= routed_parts(self._watched.keeper.containers())
            self._look_again = perf_counter() + (perf_counter() - begun) / SHARE
        else:
            kept.add("routed")
        before = self._documents
        told: list[Told] = [
            (key, value) for key, value in now.items() if not _same(before.get(key), value)
        ]
        told += [(key, None) for key in before if key not in now and key.kind not in kept]
        self._documents = {key: v for key, v in before.items() if key.kind in kept} | now
        return told

    def _small(self) -> dict[Key, object]:
        watched = self._watched
        table, hosts = watched.keeper.table(), watched.hosts()
        found: dict[Key, object] = {
            _whole("about"): About(started=watched.started),
            _whole("config"): watched.config(),
            _whole("effective"): watched.effective(),
            _whole("storage"): watched.storage(),
            _whole("counts"): watched.counts(),
            _whole("rules"): watched.keeper.rules(),
            _whole("table"): TableHead(
                revision=table.revision,
                complete=table.complete,
                missing=table.missing,
                first=watched.keeper.feed.first,
            ),
        }
        for name, host in hosts.items():
            found[Key("host", name, "")] = mirrored(host, watched.keeper.place(name))
        if perf_counter() >= self._metrics_at:
            self._metrics_at = perf_counter() + METRICS_SECONDS
            found[_whole("metrics")] = tuple(map(_metric, watched.metrics()))
        return found

    def _events(self) -> list[Told]:
        found = self._watched.tracker.events.beyond(self._event)[-KEPT_EVENTS:]
        if found:
            self._event = found[-1].number
        return [(Key("event", "", str(event.number % KEPT_EVENTS)), event) for event in found]

    def _changes(self) -> list[Told]:
        feed = self._watched.keeper.feed
        found = feed.beyond(self._change)
        self._change = feed.last
        first = feed.last - len(found) + 1
        return [
            (Key("change", "", str(number % KEPT_CHANGES)), NumberedChange(number=number, change=c))
            for number, c in enumerate(found, first)
        ]


def _whole(kind: str) -> Key:
    return Key(kind, "", "")


def _same(before: object, now: object) -> bool:
    return before is now or before == now


def _metric(family: Family) -> Metric:
    return Metric(
        name=family.name, kind=family.kind, meaning=family.meaning, lines=tuple(family.lines)
    )
