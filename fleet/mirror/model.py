"""The read model of who serves what another process watches: it says how far to believe it."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from fleet.read_model import LiveReadModel
from fleet.tracker import now
from web.documents import FleetDocument


class MirroredModel(LiveReadModel):
    """Implements `web.read_model.ReadModel` over what was published.

    Attributes:
        started: When the publishing process began.
        loaded: Something was published, and read.
        trouble: Why it is not as of now, or not there; None if it is.
        stale_since: As of when it is; None if it is as of now.
    """

    started: datetime | None = None
    loaded = False
    trouble: str | None = None
    stale_since: datetime | None = None

    @property
    def age(self) -> float | None:
        """Seconds since it was as of now; None if it is."""
        since = self.stale_since
        return None if since is None else max(0.0, (now() - since).total_seconds())

    def fleet(self) -> FleetDocument:
        """The program that watches and its verdict, and whether that is as of now."""
        document = super().fleet()
        if self.started is not None:
            document = replace(document, started=self.started)
        if self.stale_since is None or self.trouble is None:
            return document
        since = f"{self.stale_since:%Y-%m-%d %H:%M:%S} UTC"
        word = "degraded" if document.verdict == "ok" else document.verdict
        reasons = (f"all of this is as of {since}: {self.trouble}", *document.reasons)
        return replace(document, verdict=word, reasons=reasons, stale_since=self.stale_since)

    def ready(self) -> tuple[bool, str]:
        """Whether there is something to answer, be it old; and why it is not as of now."""
        if not self.loaded:
            return False, self.trouble or "nothing was read yet"
        ready, reason = super().ready()
        return ready, reason or self.trouble or ""
