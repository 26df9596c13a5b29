"""The fleet in one second: a sentence, what it is about, and sums. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from web.documents import ContainerDocument, FleetDocument, HostDocument
from web.pages.fleet_rows import HostRow
from web.pages.states import CONDITIONS, NEEDY, Condition, Tone, beyond_loops

MOST_REASONS = 5


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Who needs attention: a host, or a container on it, with what is wrong with it in a word."""

    host: HostDocument
    word: str
    tone: Tone
    container: ContainerDocument | None = None


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over hosts; CPU and memory over those that are up. `cores` are those in use.

    Those that loop are not among the unhealthy.
    """

    running: int
    looping: int
    unhealthy: int
    restarting: int
    crashed: int
    cores: float
    cpus: int
    memory_used: int
    memory_total: int
    away: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the top of the page tells; `more` reasons are not among `reasons`."""

    sentence: str
    tone: Tone
    counts: Sequence[tuple[Condition, int]]
    reasons: Sequence[Reason]
    more: int
    totals: Totals


def summary_of(fleet: FleetDocument, rows: Sequence[HostRow]) -> Summary:
    """Of all hosts that are seen."""
    counted = Counter(row.condition for row in rows)
    needy = sorted(
        (row for row in rows if row.condition in NEEDY),
        key=lambda row: (NEEDY.index(row.condition), row.host.name),
    )
    reasons = [reason for row in needy for reason in _reasons(row)]
    routes = fleet.routes
    ill = routes.down + routes.degraded if routes is not None else 0
    return Summary(
        sentence=_sentence(counted, len(needy), ill, routes.total if routes is not None else 0),
        tone="bad" if counted["down"] else "warn" if needy or ill else "good",
        counts=[(word, counted[word]) for word in CONDITIONS if counted[word]],
        reasons=reasons[:MOST_REASONS],
        more=len(reasons) - MOST_REASONS,
        totals=totals_of(rows),
    )


def _sentence(counted: Counter[Condition], needy: int, ill: int, routes: int) -> str:
    total, disabled = counted.total(), counted["disabled"]
    if needy:
        verb = "needs" if needy == 1 else "need"
        said = f"{needy} of {total} hosts {verb} attention" if total > 1 else "The host is not well"
    elif total == disabled:
        said = "No host is watched: all are disabled" if total else "No host is watched yet"
    elif total - disabled == 1:
        said = "The host is well" if total == 1 else "The one host that is enabled is well"
    else:
        said = f"All {total - disabled} hosts{' that are enabled' if disabled else ''} are well"
    if not ill:
        return said
    return f"{said}{', and' if needy else ', but'} {ill} of {routes} routes {_are(ill)} not up"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _reasons(row: HostRow) -> Iterator[Reason]:
    host = row.host
    if row.condition != "degraded":
        tone: Tone = "bad" if row.condition == "down" else "busy"
        yield Reason(host=host, word=row.condition, tone=tone)
        return
    for container, word in row.ailing:
        if word in ("looping", "unhealthy", "restarting"):
            tone = "warn" if word == "restarting" else "bad"
            yield Reason(host=host, word=word, tone=tone, container=container)


def totals_of(rows: Sequence[HostRow]) -> Totals:
    """Sums over some hosts."""
    counts = [row.host.containers for row in rows if row.host.status == "up"]
    machines = [
        row.host.machine for row in rows if row.host.status == "up" and row.host.machine is not None
    ]
    return Totals(
        running=sum(count.running for count in counts),
        looping=sum(count.looping for count in counts),
        unhealthy=sum(count.unhealthy - count.looping for count in counts),
        restarting=sum(beyond_loops(count) for count in counts),
        crashed=sum(row.crashed for row in rows if row.host.status == "up"),
        cores=sum(machine.cpu_percent or 0.0 for machine in machines) / 100,
        cpus=sum(machine.cpus for machine in machines),
        memory_used=sum(machine.memory_used for machine in machines),
        memory_total=sum(machine.memory_total for machine in machines),
        away=sum(row.host.status in ("down", "connecting") for row in rows),
    )
