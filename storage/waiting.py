"""Rows that wait to be written: bounded, the least important dropped first and counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from storage.batch import Batch
from storage.rows import ContainerRow, EventRow, HealthRow, HostRow, Row, StatsRow
from storage.tables import TABLES

_DROPPED_FIRST: tuple[type[Row], ...] = (StatsRow, HealthRow, EventRow)
_WRITTEN_FIRST: tuple[type[Row], ...] = (EventRow, HealthRow, StatsRow)


class Waiting:
    """A queue per table under one limit.

    Of a host or a container only the newest row waits: they never grow, and are never dropped for
    others.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._history: dict[type[Row], deque[Row]] = {kind: deque() for kind in _WRITTEN_FIRST}
        self._hosts: dict[str, HostRow] = {}
        self._containers: dict[tuple[str, str], ContainerRow] = {}
        self._size = 0
        self._taken = {table.name: 0 for table in TABLES.values()}
        self.dropped = dict(self._taken)

    def __len__(self) -> int:
        return self._size

    def counts(self) -> dict[str, int]:
        """Rows waiting, by table."""
        waiting = {TABLES[kind].name: len(rows) for kind, rows in self._history.items()}
        return {"hosts": len(self._hosts), "containers": len(self._containers), **waiting}

    def add(self, row: Row) -> None:
        """Let `row` wait; with the limit reached, the oldest and least important one goes."""
        if isinstance(row, HostRow):
            known: HostRow | ContainerRow | None = self._hosts.get(row.name)
            if known is None or known.seen <= row.seen:
                self._hosts[row.name] = row
        elif isinstance(row, ContainerRow):
            known = self._containers.get((row.host, row.id))
            if known is None or known.seen <= row.seen:
                self._containers[row.host, row.id] = row
        else:
            known = None
            self._history[type(row)].append(row)
        if known is None:
            self._size += 1
            if self._size + sum(self._taken.values()) > self._limit:
                self._drop()

    def take(self, most: int) -> Batch:
        """Take out at most `most` rows, to be reported as `settled` afterwards."""
        batch = Batch({kind: found for kind, found in self._taking(most) if found})
        for name, count in batch.counts().items():
            self._taken[name] += count
        self._size -= len(batch)
        return batch

    def settled(self, batch: Batch) -> None:
        """`batch`, or this part of it, is written or given up: its place is free."""
        for name, count in batch.counts().items():
            self._taken[name] -= count

    def abandon(self) -> None:
        """Drop and count everything that is not settled."""
        for name, count in self.counts().items():
            self.dropped[name] += count + self._taken[name]
            self._taken[name] = 0
        self._hosts.clear()
        self._containers.clear()
        for queue in self._history.values():
            queue.clear()
        self._size = 0

    def _taking(self, most: int) -> Iterator[tuple[type[Row], list[Row]]]:
        hosts = [self._hosts.pop(key) for key in list(self._hosts)[:most]]
        yield HostRow, list(hosts)
        most -= len(hosts)
        containers = [self._containers.pop(key) for key in list(self._containers)[:most]]
        yield ContainerRow, list(containers)
        most -= len(containers)
        for kind, queue in self._history.items():
            taken = [queue.popleft() for _ in range(min(most, len(queue)))]
            most -= len(taken)
            yield kind, taken

    def _drop(self) -> None:
        for kind in _DROPPED_FIRST:
            if self._history[kind]:
                self._history[kind].popleft()
                self.dropped[TABLES[kind].name] += 1
                self._size -= 1
                return
