"""Containers counted by state. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.looping import health_word
from fleet.model import Container, Value


class Counts(Value, frozen=True, kw_only=True):
    """How many containers are in which state; `stopped` is everything that has no processes.

    `looping` ones are `unhealthy`, too.
    """

    total: int
    running: int
    paused: int
    restarting: int
    stopped: int
    unhealthy: int
    looping: int = 0


def count(containers: Iterable[Container]) -> Counts:
    """Count in one pass."""
    total = running = paused = restarting = unhealthy = looping = 0
    for container in containers:
        total += 1
        running += container.state == "running"
        paused += container.state == "paused"
        restarting += container.state == "restarting"
        unhealthy += health_word(container) == "unhealthy"
        looping += container.looping
    return Counts(
        total=total,
        running=running,
        paused=paused,
        restarting=restarting,
        stopped=total - running - paused - restarting,
        unhealthy=unhealthy,
        looping=looping,
    )
