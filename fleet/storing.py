"""The database as the running fleet sees it: which one, how the writing goes, where to resume."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

import msgspec
import trio

from config.models import Storage
from fleet.log_cursors import LastLine
from fleet.machine import SUM, Interfaces
from fleet.model import Counters, Image
from fleet.tracker import now
from storage.database import About, Database
from storage.errors import StorageError
from storage.queries import (
    containers_known,
    images_known,
    last_event_nanos,
    last_log_lines,
    latest_counters,
    latest_network,
    newest_versions,
)
from storage.recorder import Recorder
from storage.rows import ContainerRow
from web.documents import SpoolDocument, StorageDocument

log = logging.getLogger(__name__)

RESUME_SECONDS = 10.0
ASK_EVERY = 15.0
REPLAY_SECONDS = 10.0  # what a kill leaves in the spool is written in one
COUNTERS_AGE = timedelta(days=1)


class LastCounters(NamedTuple):
    """Where the counters of an earlier run of ours stood, by host."""

    containers: Mapping[str, Mapping[str, Counters]]  # by id
    interfaces: Mapping[str, Interfaces]


class StorageView:
    """Keeps the recorder's state as a document.

    Args:
        settings: `[storage]`.
        database: Asked once for its edition.
        recorder: Asked at every call.
    """

    def __init__(self, settings: Storage, database: Database, recorder: Recorder) -> None:
        self._embedded = settings.url is None
        self._database = database
        self._recorder = recorder
        self._about: About | None = None

    async def follow(self) -> None:
        """Learn which database it is, as soon as it answers."""
        while self._about is None:
            try:
                self._about = await self._database.about()
            except StorageError:
                await trio.sleep(ASK_EVERY)  # the recorder says why

    def document(self) -> StorageDocument:
        """How it goes now."""
        status = self._recorder.status()
        dropped = {
            table: count + status.refused.get(table, 0) for table, count in status.dropped.items()
        }
        return StorageDocument(
            state=status.state,
            kind=self._kind(),
            since=status.since,
            error=status.error,
            queued=sum(status.queued.values()),
            written=status.written,
            dropped=dropped,
            lost_lately=status.lost_lately,
            last_write=status.last_write,
            spool=SpoolDocument(
                rows=status.spool.rows,
                bytes=status.spool.bytes,
                oldest=status.spool.oldest,
                damaged_bytes=status.spool.damaged_bytes,
                damaged_rows=status.spool.damaged_rows,
                replayed_per_second=status.replayed_per_second,
            ),
        )

    def _kind(self) -> str:
        if self._about is None:
            return "embedded" if self._embedded else "external"
        kind = f"PostgreSQL {self._about.version}"
        if self._about.timescaledb:
            edition = self._about.edition.removeprefix("timescaledb-").capitalize()
            kind += f", TimescaleDB {self._about.timescaledb} {edition}"
        return f"embedded {kind}" if self._embedded else kind


async def containers_of(database: Database, hosts: Iterable[str]) -> dict[str, list[ContainerRow]]:
    """The containers that were there when each host was last written about; see `resume_points`."""
    try:
        with trio.fail_after(RESUME_SECONDS):
            return {host: await containers_known(database, host) for host in hosts}
    except (StorageError, trio.TooSlowError) as error:
        log.warning("the database does not tell which containers there were: %s", error)
        return {}


async def resume_points(database: Database, hosts: Collection[str]) -> dict[str, int]:
    """Nanoseconds of the last stored event by host; nothing where the database is away.

    Without them a host's events are asked for from an hour back, and told apart when written.
    """
    try:
        with trio.fail_after(RESUME_SECONDS):
            known = await last_event_nanos(database)
    except (StorageError, trio.TooSlowError) as error:
        log.warning("the database does not tell where events ended: %s", error)
        return {}
    return {host: known[host] for host in hosts if host in known}


async def counters_of(database: Database, recorder: Recorder, hosts: Iterable[str]) -> LastCounters:
    """The last counters stored of all hosts; nothing where the database is away.

    Without them what was used since they were stored is in no sample. Newer ones may still lie in
    the spool, and then what was used since the stored ones would be counted twice: nothing, too.
    """
    wanted, since = list(hosts), now() - COUNTERS_AGE
    with trio.move_on_after(REPLAY_SECONDS):
        while recorder.status().state == "replaying":  # noqa: ASYNC110 - it tells when asked
            await trio.sleep(0.05)
    if recorder.status().spool.rows:
        log.warning("rows lie in the spool: counters begin anew, not where they stood")
        return LastCounters({}, {})
    try:
        with trio.fail_after(RESUME_SECONDS):
            containers = await latest_counters(database, wanted, since)
            machines = await latest_network(database, wanted, since)
    except (StorageError, trio.TooSlowError) as error:
        log.warning("the database does not tell what counters stood at: %s", error)
        return LastCounters({}, {})
    known: dict[str, dict[str, Counters]] = defaultdict(dict)
    for record in containers:
        known[record.host][record.id] = Counters(
            time=record.time,
            started=record.started,
            cpu_total=record.cpu_total,
            network_rx=record.network_rx,
            network_tx=record.network_tx,
            block_read=record.block_read,
            block_write=record.block_write,
        )
    return LastCounters(known, {m.host: {SUM: (m.network_rx, m.network_tx)} for m in machines})


async def last_lines_of(
    database: Database, hosts: Iterable[str], age: timedelta
) -> list[LastLine] | None:
    """The newest stored line of each container, not older than `age`.

    None where the database is away: logs are then read from an hour back, and lines told apart when
    written.
    """
    try:
        with trio.fail_after(RESUME_SECONDS):
            found = await last_log_lines(database, list(hosts), now() - age)
    except (StorageError, trio.TooSlowError) as error:
        log.warning("the database does not tell where logs ended: %s", error)
        return None
    return [LastLine(r.host, r.container_id, r.stream, r.time_nano, r.sequence) for r in found]


class StoredImages(NamedTuple):
    """What is stored of the hosts' images, by host."""

    images: Mapping[str, Mapping[str, Image]]  # by id
    meanings: Mapping[str, Mapping[str, str]]  # image id by reference


async def images_of(database: Database, hosts: Iterable[str]) -> StoredImages:
    """What is stored of each host's images; nothing where the database is away.

    Without it each reference is written once more, with what it means already.
    """
    names = list(hosts)
    try:
        with trio.fail_after(RESUME_SECONDS):
            rows = {host: await images_known(database, host) for host in names}
            meanings = {host: await newest_versions(database, host) for host in names}
    except (StorageError, trio.TooSlowError) as error:
        log.warning("the database does not tell which images there were: %s", error)
        return StoredImages({}, {})
    images = {
        host: {row.id: msgspec.convert(row, Image, from_attributes=True) for row in found}
        for host, found in rows.items()
    }
    return StoredImages(images, meanings)
