"""Rows that wait to be written: bounded, the least important dropped first and counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter

from storage.batch import Batch
from storage.rows import (
    AuditRow,
    CurrentRow,
    EventRow,
    HealthRow,
    HostStatsRow,
    ImageVersionRow,
    LogRow,
    RouteChangeRow,
    Row,
    StatsRow,
)
from storage.tables import TABLES
from storage.tally import Tally

QUEUE_BYTES = 64 * 2**20  # of log lines; other rows are small
BATCH_BYTES = 8 * 2**20  # of log lines; a batch is copied several times on its way

_DROPPED_FIRST: tuple[type[Row], ...] = (
    LogRow,
    StatsRow,
    HostStatsRow,
    HealthRow,
    ImageVersionRow,
    EventRow,
    RouteChangeRow,
    AuditRow,
)
_KEYS = {kind: attrgetter(*table.key) for kind, table in TABLES.items() if table.current}


class Waiting:
    """A queue per table under one limit of rows, and one of bytes for the lines of logs.

    Of a host, a container or an image only the newest row waits: they never grow, and are never
    dropped for others.

    Args:
        limit: rows of all tables.
        dropped: where those that do not fit are counted.
    """

    def __init__(self, limit: int, dropped: Tally) -> None:
        self._limit = limit
        self._dropped = dropped
        self._history: dict[type[Row], deque[Row]] = {
            kind: deque() for kind in TABLES if kind not in _KEYS
        }
        self._current: dict[type[Row], dict[object, Row]] = {kind: {} for kind in _KEYS}
        self._size = 0
        self._bytes = 0  # of log lines, give or take what characters take
        self._taken = {table.name: 0 for table in TABLES.values()}
        self._taken_bytes = 0

    def __len__(self) -> int:
        return self._size

    @property
    def is_half_full(self) -> bool:
        """Whether half of either limit is reached."""
        held = self._bytes + self._taken_bytes
        return self._size * 2 >= self._limit or held * 2 >= QUEUE_BYTES

    def is_enough(self, rows: int) -> bool:
        """Whether a batch of so many rows, or as large as batches get, can be taken."""
        return self._size >= rows or self._bytes >= BATCH_BYTES

    def counts(self) -> dict[str, int]:
        """Rows here by table, with those that are taken and not settled."""
        queues = {**self._current, **self._history}
        return {
            table.name: len(queues[kind]) + self._taken[table.name]
            for kind, table in TABLES.items()
        }

    def add(self, row: Row) -> None:
        """Let `row` wait; with a limit reached, the oldest and least important one goes."""
        if isinstance(row, CurrentRow):
            rows, key = self._current[type(row)], _KEYS[type(row)](row)
            known = rows.get(key)
            if known is None or known.seen <= row.seen:  # type: ignore[union-attr] # of one type
                rows[key] = row
        else:
            known = None
            self._history[type(row)].append(row)
        if known is None:
            self._size += 1
            self._bytes += _bytes(row)
            if self._size + sum(self._taken.values()) > self._limit:
                self._drop()
            while self._history[LogRow] and self._bytes + self._taken_bytes > QUEUE_BYTES:
                self._drop()

    def take(self, most: int) -> Batch:
        """Take out at most `most` rows, to be reported as `settled` afterwards.

        There are fewer where lines of logs are long.
        """
        batch = Batch({kind: found for kind, found in self._taking(most) if found})
        for name, count in batch.counts().items():
            self._taken[name] += count
        self._size -= len(batch)
        return batch

    def settled(self, batch: Batch) -> None:
        """`batch`, or this part of it, is written or given up: its place is free."""
        for name, count in batch.counts().items():
            self._taken[name] -= count
        self._taken_bytes -= sum(map(_bytes, batch.rows.get(LogRow, ())))

    def abandon(self) -> dict[str, int]:
        """Drop and count everything that is not settled; returns the rows by table."""
        lost = {name: count for name, count in self.counts().items() if count}
        self._dropped.add(lost)
        self._taken = dict.fromkeys(self._taken, 0)
        for rows in self._current.values():
            rows.clear()
        for queue in self._history.values():
            queue.clear()
        self._size = self._bytes = self._taken_bytes = 0
        return lost

    def _taking(self, most: int) -> Iterator[tuple[type[Row], list[Row]]]:
        """In the order of tables, which is that of every writer."""
        for kind in TABLES:
            if kind in self._current:
                rows = self._current[kind]
                taken = [rows.pop(key) for key in list(islice(rows, most))]
            else:
                taken = self._take_history(self._history[kind], most)
            most -= len(taken)
            yield kind, taken

    def _take_history(self, queue: deque[Row], most: int) -> list[Row]:
        taken: list[Row] = []
        size = 0
        while queue and len(taken) < most and size < BATCH_BYTES:
            taken.append(queue.popleft())
            size += _bytes(taken[-1])
        self._bytes -= size
        self._taken_bytes += size
        return taken

    def _drop(self) -> None:
        for kind in _DROPPED_FIRST:
            if self._history[kind]:
                self._bytes -= _bytes(self._history[kind].popleft())
                self._dropped.add({TABLES[kind].name: 1})
                self._size -= 1
                return


def _bytes(row: Row) -> int:
    return len(row.line) if isinstance(row, LogRow) else 0
