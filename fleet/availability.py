"""What storage finds of a host's availability, as the API's document. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from storage.availability import Availability
from web.health_documents import (
    AvailabilityDocument,
    EngineChangeDocument,
    HealthSpanDocument,
    OutageDocument,
)
from web.history import Span

T = TypeVar("T")


def availability_document(host: str, span: Span, found: Availability) -> AvailabilityDocument:
    """The document of one host."""
    response = found.response_seconds
    return AvailabilityDocument(
        host=host,
        start=span.start,
        end=span.end,
        up_percent=found.up_percent,
        up_seconds=found.up_seconds,
        degraded_seconds=found.degraded_seconds,
        down_seconds=found.down_seconds,
        connecting_seconds=found.connecting_seconds,
        unknown_seconds=found.unknown_seconds,
        response_ms=None if response is None else response * 1000,
        longest_outage_seconds=found.longest_outage_seconds,
        outages=_converted(found.outages, OutageDocument),
        engine_changes=_converted(found.engine_changes, EngineChangeDocument),
        spans=_converted(found.spans, HealthSpanDocument),
        truncated=found.truncated,
    )


def _converted(records: Sequence[object], kind: type[T]) -> tuple[T, ...]:
    return tuple(msgspec.convert(record, kind, from_attributes=True) for record in records)
