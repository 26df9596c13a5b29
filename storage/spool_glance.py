"""What lies in the spool, for those who do not own it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from storage.spool_files import segment_numbers, segment_path, survey


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Rows on disk; those of a file are in it until all of them are written."""

    rows: int
    bytes: int
    oldest: datetime | None  # when the oldest record was made


def glance(folder: Path) -> Waiting:
    """Count what is in the spool `folder`, which need not be there. Reads all of it.

    Raises:
        OSError: it may not be looked into.
    """
    rows = size = 0
    times = []
    for number in segment_numbers(folder):
        try:
            found = survey(segment_path(folder, number))
        except FileNotFoundError:  # written meanwhile
            continue
        rows, size = rows + sum(found.counts.values()), size + found.size
        if found.oldest is not None:
            times.append(found.oldest)
    oldest = datetime.fromtimestamp(min(times), UTC) if times else None
    return Waiting(rows=rows, bytes=size, oldest=oldest)
