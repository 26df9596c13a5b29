"""Which figures of history are drawn, and how each is read off a step. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, Literal, TypeVar, get_args

from fleet.cli.chart import Reading, spacing
from fleet.cli.format import percent, size
from web.history_documents import HostStatsPointDocument, StatsPointDocument

P = TypeVar("P", StatsPointDocument, HostStatsPointDocument)

What = Literal["cpu", "memory", "network", "block", "load", "disk"]
WHATS: tuple[What, ...] = get_args(What)
Values = tuple[float | None, float | None, float | None]
"""The least, the mean and the most of a step."""


def per_second(count: float) -> str:
    """Bytes in a second; below a KiB without decimals."""
    return size(round(count) if count < 1024 else count) + "/s"


@dataclass(frozen=True)
class Figure(Generic[P]):
    """One chart.

    Attributes:
        title: Its heading.
        unit: Writes a value.
        rows: How high it is drawn.
        read: The values of a step; the seconds it stands for are given.
        moved: For bytes that add up: how many a step moved.
    """

    title: str
    unit: Callable[[float], str]
    rows: int
    read: Callable[[P, float], Values]
    moved: Callable[[P], int | None] | None = None


def _bytes(title: str, moved: Callable[[P], int | None]) -> Figure[P]:
    def read(point: P, seconds: float) -> Values:
        count = moved(point)
        rate = None if count is None else count / seconds
        return rate, rate, rate

    return Figure(title, per_second, 1, read, moved)


CONTAINER: dict[What, list[Figure[StatsPointDocument]]] = {
    "cpu": [
        Figure(
            "CPU",
            percent,
            5,
            lambda point, _: (point.cpu_percent_min, point.cpu_percent, point.cpu_percent_max),
        )
    ],
    "memory": [
        Figure(
            "memory",
            size,
            5,
            lambda point, _: (point.memory_used_min, point.memory_used, point.memory_used_max),
        )
    ],
    "network": [
        _bytes("network in", lambda point: point.network_rx),
        _bytes("network out", lambda point: point.network_tx),
    ],
    "block": [
        _bytes("block read", lambda point: point.block_read),
        _bytes("block write", lambda point: point.block_write),
    ],
}
HOST: dict[What, list[Figure[HostStatsPointDocument]]] = {
    "cpu": [
        Figure(
            "CPU",
            percent,
            5,
            lambda point, _: (point.cpu_percent_min, point.cpu_percent, point.cpu_percent_max),
        )
    ],
    "memory": [
        Figure(
            "memory",
            size,
            5,
            lambda point, _: (point.memory_used_min, point.memory_used, point.memory_used_max),
        )
    ],
    "network": [
        _bytes("network in", lambda point: point.network_rx),
        _bytes("network out", lambda point: point.network_tx),
    ],
    "load": [
        Figure("load", "{:.2f}".format, 1, lambda point, _: (None, point.load_1, point.load_1_max))
    ],
    "disk": [Figure("disk used", size, 1, lambda point, _: (None, point.disk_used_max, None))],
}


def readings(figure: Figure[P], points: Sequence[P], step: timedelta) -> list[Reading]:
    """The figure over time, oldest first; steps that do not know it are left out.

    Args:
        figure: Which.
        points: Oldest first; of two incarnations in one step there are two.
        step: How long a step is; samples may be further apart.
    """
    seconds = max(step, spacing([point.time for point in points])).total_seconds()
    found: list[Reading] = []
    for point in points:
        least, mean, most = figure.read(point, seconds)
        if mean is None or point.samples <= 0:
            continue
        one = Reading(
            point.time,
            1 if figure.moved else point.samples,
            mean if least is None else least,
            mean,
            mean if most is None else most,
        )
        if found and found[-1].time == one.time:
            found[-1] = _together(found[-1], one, adds=figure.moved is not None)
        else:
            found.append(one)
    return found


def _together(first: Reading, second: Reading, *, adds: bool) -> Reading:
    """Two incarnations in one step: what they moved adds up, the rest is averaged."""
    if adds:
        mean = first.mean + second.mean
        return Reading(first.time, first.weight, mean, mean, mean)
    weight = first.weight + second.weight
    mean = (first.mean * first.weight + second.mean * second.weight) / weight
    least, most = min(first.least, second.least), max(first.most, second.most)
    return replace(first, weight=weight, least=least, mean=mean, most=most)
