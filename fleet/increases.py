"""What counters grew by since they were last read: sums of it stay right across restarts. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from fleet.model import Counters

LARGEST = 2**63 - 1  # what the database holds
FRESH = timedelta(seconds=60)  # a run this young is counted from its start
LATE = timedelta(seconds=60)  # an answer cannot be older than this
# Bytes, or nanoseconds of CPU (4,400 cores), in a second. What grows faster is no counter, and a
# sum of such would not fit into what the database holds: one lying Engine would end all rollups.
FASTEST = 2**42


class Increases(NamedTuple):
    """What each counter grew by; None where that is not known."""

    cpu: int | None
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None


def increases(counters: Counters, before: Counters | None) -> Increases:
    """What the counters of a container grew by.

    Args:
        counters: As they are.
        before: As they were when last read, in this run of the container or an earlier one.
    """
    is_counted = began_since(counters, before)
    names = ("cpu_total", "network_rx", "network_tx", "block_read", "block_write")
    pairs = ((getattr(counters, name), getattr(before, name, None)) for name in names)
    found = (increase(now, then, counts_from_zero=is_counted) for now, then in pairs)
    most = FASTEST * _seconds_between(counters, before)
    return Increases(*(grown if grown is None or grown <= most else None for grown in found))


def _seconds_between(counters: Counters, before: Counters | None) -> int:
    """Whole seconds that an increase may have taken, at least one: clocks may be set back."""
    elapsed = FRESH if before is None else counters.time - before.time
    return max(1, elapsed // timedelta(seconds=1))


def began_since(counters: Counters, before: Counters | None) -> bool:
    """Whether a run's counters count as a whole: it began after `before`, or just now.

    A run whose start is not known is not held for a new one: counting twice is worse than once.
    """
    if counters.started is None:
        return False
    if before is None:
        age = (counters.read or counters.time) - counters.started
        return timedelta(0) <= age <= FRESH
    if before.started is None or before.started == counters.started:
        return False
    # Read after this run had begun, though its start was not known yet: of the same run.
    return before.read is None or before.read < counters.started


def increase(value: int | None, before: int | None, *, counts_from_zero: bool) -> int | None:
    """What one counter grew by: never negative, nor more than the database holds.

    A counter that went back began anew from zero. One that was not known before is counted from
    now on, except where it `counts_from_zero`.
    """
    if value is None or not 0 <= value <= LARGEST:
        return None
    if counts_from_zero:
        return value
    if before is None:
        return None
    return value - before if 0 <= before <= value else value


def run_of(
    started: datetime | None, read: datetime | None, before: Counters | None
) -> datetime | None:
    """When the run began that an answer is of: it may have been under way during a restart.

    Args:
        started: When the container last started, as far as it is known.
        read: When the answer's counters were read. Both are by the Engine's clock.
        before: The counters as they were last read.
    """
    if started is None or read is None or not timedelta(0) < started - read <= LATE:
        return started
    return before.started if before is not None else None
