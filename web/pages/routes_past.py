"""Changes of routes as pages show them: those that memory holds, and stored ones before them."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from labels.model import Change
from web.history import HistoryUnavailable, RouteChangeFilter
from web.revp.changes import change_key, change_matches
from web.sources import Sources

PATIENCE = 3.0  # seconds that a page waits for the database: what is live is shown anyway
AGAIN = 30.0  # seconds until a database that did not answer is asked once more
LOOKED_THROUGH = 1_000  # changes of memory, and as many stored ones
NO_DATABASE = "no database is in use"


class PastChanges:
    """The newest changes of some routes; stored ones are asked for once.

    Args:
        source: For who looks.
        domain: Of one domain only; None for all.
    """

    def __init__(self, source: Sources, domain: str | None = None) -> None:
        self._source = source
        self._wanted = RouteChangeFilter(domain=domain)
        self._stored: Sequence[Change] = ()
        self._again = float("-inf")
        self.note = ""

    async def refresh(self) -> None:
        """Ask the database, unless it has answered, or was asked a moment ago."""
        if anyio.current_time() < self._again:
            return
        if self._source.history is None:
            self.note, self._again = NO_DATABASE, float("inf")
            return
        self._again = anyio.current_time() + AGAIN
        try:
            with anyio.fail_after(PATIENCE):
                self._stored = await self._source.history.route_changes(
                    self._wanted, LOOKED_THROUGH
                )
        except HistoryUnavailable as error:
            self.note = str(error)
        except TimeoutError:
            self.note = f"the database did not answer within {PATIENCE:.0f} s"
        else:
            self.note, self._again = "", float("inf")

    def newest(self) -> list[Change]:
        """All that are known, the newest first."""
        routing = self._source.routing
        held = () if routing is None else routing.recent_changes(LOOKED_THROUGH)
        both = {change_key(change): change for change in self._stored}
        both |= {
            change_key(change): change for change in held if change_matches(change, self._wanted)
        }
        return [both[key] for key in sorted(both, reverse=True)]
