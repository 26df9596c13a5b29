"""The metrics that `fleet serve` answers with besides its own: of the fleet and who watches it."""

from __future__ import annotations

from collections.abc import Container, Sequence

from fleet.instruments_collect import watched_families
from fleet.instruments_containers import MOST_CONTAINERS
from fleet.mirror.kinds import Metric
from fleet.mirror.replica import Replica
from web.exposition.text import Family


class ServingCollector:
    """Implements `web.exposition.answer.Collector`.

    Args:
        replica: What was published.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def collect(self, among: Container[str] | None = None) -> Sequence[Family]:
        """All metrics but the workers', or those of some hosts."""
        watched = await watched_families(self._replica.tracker, MOST_CONTAINERS, among)
        if among is not None:
            return watched
        return [*self.own(), *watched]

    def own(self) -> list[Family]:
        """Who watches, as it was published, and how old that is."""
        age = Family("fleet_state_age_seconds", "gauge", "How old is what is served; 0: as of now.")
        age.add(self._replica.model.age or 0.0)
        return [*map(_family, self._replica.metrics), age]


def _family(metric: Metric) -> Family:
    made = Family(metric.name, metric.kind, metric.meaning)  # type: ignore[arg-type]  # as it was published
    made.lines += metric.lines
    return made
