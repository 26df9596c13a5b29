"""What this program counts of itself: told by a tracker's changes, and by what calls it."""

from __future__ import annotations

from collections import Counter
from typing import NoReturn

import trio

from fleet.changes import Change, EventSeen, HostChanged, HostRemoved, Logged, Sampled
from web.exposition.instruments import SECONDS, Histogram, Histograms

LISTS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)  # seconds
ROWS = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)
LATE = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds
LOOK_SECONDS = 1.0


class Instruments:
    """A tracker's listener, and the ends of what else is told; each costs a microsecond at most.

    Attributes:
        events: Engine events by host.
        samples: Of containers, by host.
        log_lines: By host.
        errors: Failed attempts to follow a host, by host and kind.
        calls: Seconds that Engines took to answer, by kind of call.
        failed_calls: Requests without an answer, by kind.
        lists: Seconds to list and inspect all containers of a host.
        batches: Rows of each batch that the database took.
        writes: Seconds that each batch took.
        lateness: Seconds that this program's loop woke too late.
        route_changes: By kind.
    """

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.samples: Counter[str] = Counter()
        self.log_lines: Counter[str] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()
        self.calls = Histograms(SECONDS)
        self.failed_calls: Counter[str] = Counter()
        self.lists = Histogram(LISTS)
        self.batches = Histogram(ROWS)
        self.writes = Histogram(SECONDS)
        self.lateness = Histogram(LATE)
        self.route_changes: Counter[str] = Counter(added=0, changed=0, removed=0)

    def __call__(self, change: Change) -> None:
        """Count a change of the live fleet."""
        if type(change) is Sampled:  # by far the most
            self.samples[change.host] += 1
        elif isinstance(change, Logged):
            self.log_lines[change.host] += len(change.lines)
        elif isinstance(change, EventSeen):
            self.events[change.host] += 1
        elif isinstance(change, HostChanged):
            if change.host not in self.events:  # shown as 0 before there is one: rates need that
                for counter in (self.events, self.samples, self.log_lines):
                    counter[change.host] += 0
            error = change.state.error
            if error is not None and error is not change.previous.error:
                self.errors[change.host, error.kind] += 1
        elif isinstance(change, HostRemoved):
            self._forget(change.host)

    def called(self, call: str, seconds: float, answered: bool) -> None:
        """Count a request to an Engine; see `connectors.pool.Observe`."""
        self.calls.observe(call, seconds)
        if not answered:
            self.failed_calls[call] += 1

    def wrote(self, rows: int, seconds: float) -> None:
        """Count a batch; see `storage.recorder.Observe`."""
        self.batches.observe(rows)
        self.writes.observe(seconds)

    async def watch_loop(self) -> NoReturn:
        """Measure how late a short sleep wakes: what holds up the loop holds up every host."""
        while True:
            due = trio.current_time() + LOOK_SECONDS
            await trio.sleep_until(due)
            self.lateness.observe(max(0.0, trio.current_time() - due))

    def _forget(self, host: str) -> None:
        for counter in (self.events, self.samples, self.log_lines):
            counter.pop(host, None)
        for key in [key for key in self.errors if key[0] == host]:
            del self.errors[key]
