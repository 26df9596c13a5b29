"""How much of a time hosts were up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from config.models import Storage
from storage.asking import MOST_ROWS, ask, check_span
from storage.availability import Availability, HealthSpan, availability
from storage.database import Database
from storage.queries_past import SILENCE
from storage.records import Interval
from storage.tables import clean


async def host_availability(
    database: Database, settings: Storage, host: str, start: datetime, end: datetime
) -> Availability:
    """How a host was from `start` to `end`, which ends now if it lies ahead.

    Raises:
        QueryLimitError: The range is empty, or longer than `query_days`.
    """
    check_span(start, end, timedelta(days=settings.query_days))
    until = max(start, min(end, datetime.now(UTC)))
    wanted = {
        "host": clean(host),
        "start": start,
        "end": until,
        "silence": SILENCE,
        "limit": MOST_ROWS,
    }
    spans = await ask(database, HealthSpan, "health_spans", wanted)
    found = availability(spans, Interval(start=start, end=until))
    return replace(found, truncated=len(spans) == MOST_ROWS)
