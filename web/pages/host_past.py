"""What is stored of a host, as its page shows it: asked again as often as it may have changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import anyio

from web.documents import EventDocument, HostDocument
from web.health_documents import AvailabilityDocument
from web.history import EventFilter, History, HistoryRefused, HistoryUnavailable, Span
from web.sources import Sources

PERIODS = {"24h": timedelta(days=1), "30d": timedelta(days=30), "7d": timedelta(days=7)}
"""In the order in which they are asked for: the log is of 30 days."""

EVERY = {period: length / 1440 for period, length in PERIODS.items()}  # a minute for a day
PATIENCE = 3.0  # seconds that a page waits for the database: what is live is shown anyway
MOST_EVENTS = 50
NO_DATABASE = "No database is in use, so nothing is known of the past."
TOO_SLOW = f"The database did not answer within {PATIENCE:.0f} s."


class HostPast:
    """Answers of the database on one host, the last ones where it is away.

    Attributes:
        availability: By period, `24h`, `7d` and `30d`; one that is not answered is not there.
        events: The newest stored ones, newest last.
        trouble: Why they are not as of now, in sentences; empty where they are.
        asked: When they were asked for last.
    """

    def __init__(self, source: Sources, host: str) -> None:
        self._source = source
        self._host = host
        self.availability: dict[str, AvailabilityDocument] = {}
        self.events: Sequence[EventDocument] = ()
        self.trouble = ""
        self.asked: datetime | None = None
        self._asked: dict[str, datetime] = {}

    async def refresh(self) -> None:
        """Ask again for what may be another one now, or was asked for long ago."""
        now, host = datetime.now(UTC), self._source.model.host(self._host)
        if host is None:
            return
        due = [period for period in PERIODS if self._is_due(period, host, now)]
        if due:
            self.asked = now
            self.trouble = await self._ask(due, now)

    def _is_due(self, period: str, host: HostDocument, now: datetime) -> bool:
        """What happened to a host is stored a moment later; who is away is left alone a while."""
        if self.trouble and self.asked is not None and now - self.asked < EVERY["24h"]:
            return False
        asked = self._asked.get(period)
        if asked is None or now - asked >= EVERY[period]:
            return True
        return asked < host.since + timedelta(seconds=self._source.settle) <= now

    async def _ask(self, due: Sequence[str], now: datetime) -> str:
        history = self._source.history
        if history is None:
            return NO_DATABASE
        try:
            with anyio.fail_after(PATIENCE):
                if not self.events:
                    wanted = EventFilter(hosts=(self._host,))
                    self.events = await history.recent_events(wanted, MOST_EVENTS)
                for period in due:
                    await self._ask_period(history, period, Span(now - PERIODS[period], now))
        except HistoryUnavailable as error:
            return str(error)
        except TimeoutError:
            return TOO_SLOW
        return ""

    async def _ask_period(self, history: History, period: str, span: Span) -> None:
        try:
            self.availability[period] = await history.availability(self._host, span)
        except HistoryRefused:  # `query_days` allows less
            self.availability.pop(period, None)
        self._asked[period] = span.end
