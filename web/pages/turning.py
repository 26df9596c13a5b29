"""What tells a live page that it may have changed, besides the ledgers."""

from __future__ import annotations

from web.read_model import ReadModel
from web.routing import Routing


class RouteTurns:
    """Implements `web.pages.regions.Changing`: each revision of the table of routes."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    @property
    def version(self) -> int:
        """The revision."""
        return self._routing.table().revision

    async def beyond(self, version: int) -> None:
        """Wait until the table has another one."""
        await self._routing.changed(version)


class EventTurns:
    """Implements `web.pages.regions.Changing`: each event of an Engine."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model

    @property
    def version(self) -> int:
        """The number of the last event."""
        return self._model.newest_event()

    async def beyond(self, version: int) -> None:
        """Wait until another event happened."""
        async with self._model.events(version) as subscription:
            await subscription.next()
