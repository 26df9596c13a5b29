"""The machine that a simulated Engine runs on."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Machine:
    """A host's machine.

    Attributes:
        memory: Bytes.
        boot: When it was started, in nanoseconds of its clock.
    """

    name: str
    cpus: int
    memory: int
    boot: int


def machine(name: str, random: Random, now: int) -> Machine:
    """Make one up."""
    cpus = random.choice((2, 4, 8, 16, 32))
    days = random.randint(61, 400)
    return Machine(name, cpus, cpus * random.choice((2, 4)) * GIB, now - days * 86_400 * 10**9)
