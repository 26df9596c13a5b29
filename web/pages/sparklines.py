"""What each machine used in the last hour, in small: asked once for all who look, drawn as SVG."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio
from markupsafe import Markup

from web.history import History, HistoryRefused, HistoryUnavailable, Span
from web.history_documents import HostSeriesDocument
from web.pages.wording import share

SPAN = timedelta(hours=1)
STEPS = 61  # one a minute, and the one that runs
KEPT = 30.0  # seconds until it is asked again
PATIENCE = 2.0  # seconds that a page waits for it: without it everything else is shown
LOST = 600.0  # seconds after which what was read is too old to be drawn
HEIGHT = 40
_SCALES = (25.0, 50.0, 100.0)  # percent: a quiet machine's line is no flat one, all are comparable


@dataclass(frozen=True, kw_only=True)
class Spark:
    """One machine's use in percent of the whole machine, oldest first; None without a sample."""

    cpu: tuple[float | None, ...]
    memory: tuple[float | None, ...]


@dataclass(kw_only=True)
class _Read:
    by_host: Mapping[str, Spark] = field(default_factory=dict)
    asked: float = float("-inf")
    told: float = float("-inf")
    asking: bool = False


class Sparks:
    """The sparklines of all hosts, read from the database at most twice a minute.

    Args:
        history: The database; without it there are none.
        names: The hosts that are configured, as they are now.
    """

    def __init__(self, history: History | None, names: Callable[[], Collection[str]]) -> None:
        self._history = history
        self._names = names
        self._hosts: Container[str] | None = None
        self._read = _Read()

    def within(self, hosts: Container[str]) -> Sparks:
        """Those of these hosts alone, of what is read for all."""
        part = copy(self)
        part._hosts = hosts
        return part

    def of(self, host: str) -> Spark | None:
        """A host's; None where there is none, or it is not seen."""
        if self._hosts is not None and host not in self._hosts:
            return None
        return self._read.by_host.get(host)

    async def refresh(self) -> None:
        """Read them again if it is time and nobody else does: who comes meanwhile gets the last."""
        read, now = self._read, anyio.current_time()
        if self._history is None or read.asking or now - read.asked < KEPT:
            return
        read.asking = True
        try:
            with anyio.move_on_after(PATIENCE):
                read.by_host = await self._ask(self._history)
                read.told = now
        except (HistoryUnavailable, HistoryRefused):
            pass  # the banner tells that the database is away
        finally:
            read.asking, read.asked = False, now
        if now - read.told > LOST:
            read.by_host = {}

    async def _ask(self, history: History) -> Mapping[str, Spark]:
        names = sorted(self._names())
        if not names:
            return {}
        end = datetime.now(UTC)
        found = await history.hosts_stats_history(names, Span(end - SPAN, end), STEPS)
        return {series.host: spark_of(series) for series in found.hosts}


def spark_of(series: HostSeriesDocument) -> Spark:
    """A host's series in percent of its machine."""
    whole = 100.0 * series.cpus
    return Spark(
        cpu=tuple(share(value, whole) for value in series.cpu_percent),
        memory=tuple(share(value, series.memory_total) for value in series.memory_used),
    )


def polyline(values: Sequence[float | None], scale: float | None = None) -> Markup:
    """A line through percentages; a value that is not known is a gap, and nothing known no line.

    Args:
        values: Oldest first.
        scale: Percent at the top; None: the smallest of a few that all fit under.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Markup()
    top = scale or next((scale for scale in _SCALES if max(known) <= scale), _SCALES[-1])
    lines = Markup().join(
        Markup('<polyline points="{}"/>').format(" ".join(points)) for points in _runs(values, top)
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        "{}</svg>"
    ).format(max(1, len(values) - 1), HEIGHT, lines)


def _runs(values: Sequence[float | None], top: float) -> Iterator[list[str]]:
    """The points of each stretch without a gap; one alone is a short line."""
    run: list[str] = []
    for place, value in enumerate((*values, None)):
        if value is not None:
            depth = HEIGHT - 1 - round((HEIGHT - 2) * min(1.0, max(0.0, value / top)))
            run.append(f"{place},{depth}")
        elif run:
            yield run if len(run) > 1 else [*run, f"{place - 0.5:g},{run[0].partition(',')[2]}"]
            run = []
