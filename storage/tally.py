"""Rows that were lost, counted by table: since the start, and lately."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

from storage.tables import TABLES

LATELY_SECONDS = 3600.0
_STEP_SECONDS = 60.0


class Tally:
    """Counts by table. Of one thread."""

    def __init__(self) -> None:
        self.totals = {table.name: 0 for table in TABLES.values()}
        self._steps: deque[tuple[float, int]] = deque()  # when a minute began, and rows since

    def add(self, counts: Mapping[str, int]) -> None:
        """Count rows by table."""
        rows = sum(counts.values())
        if not rows:
            return
        for name, count in counts.items():
            self.totals[name] = self.totals.get(name, 0) + count
        now = time.monotonic()
        if self._steps and now - self._steps[-1][0] < _STEP_SECONDS:
            began, before = self._steps.pop()
            self._steps.append((began, before + rows))
        else:
            self._steps.append((now, rows))
        self._forget(now)

    def lately(self) -> int:
        """Rows of all tables in the last hour, give or take a minute."""
        self._forget(time.monotonic())
        return sum(rows for _, rows in self._steps)

    def _forget(self, now: float) -> None:
        while self._steps and now - self._steps[0][0] > LATELY_SECONDS:
            self._steps.popleft()
