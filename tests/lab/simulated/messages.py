"""What is said over the control socket."""

from __future__ import annotations

from typing import Literal

import msgspec

Does = Literal["delay", "stall", "cut", "drop", "refuse", "heal", "live", "step", "says", "count"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do.

    Attributes:
        hosts: With whom; None: all.
        seconds: Of a delay.
        rate: Events a second and host, to live at.
        times: So many things are to happen at once.
    """

    do: Does
    hosts: list[str] | None = None
    seconds: float = 0.0
    rate: float = 0.0
    times: int = 1


class Container(msgspec.Struct, frozen=True):
    """A container as its Engine has it; ``health`` is empty without a check, times are 0 for never.

    Attributes:
        started: Nanoseconds of the Engine's clock.
    """

    name: str
    image: str
    state: str
    health: str
    started: int
    restarts: int
    labels: dict[str, str]


class Happened(msgspec.Struct, frozen=True):
    """An event."""

    time_nano: int
    type: str
    action: str
    actor_id: str


class Says(msgspec.Struct, frozen=True):
    """What an Engine would say now: its containers by id, its last events, oldest first."""

    kind: str
    containers: dict[str, Container]
    happened: list[Happened]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one process.

    Attributes:
        requests: Answered so far, by the hosts that were meant.
        lost_chunks: Of streams to clients that read too slowly.
        cpu_seconds, memory_kib: Of the process.
    """

    says: dict[str, Says] = {}
    requests: int = 0
    lost_chunks: int = 0
    cpu_seconds: float = 0.0
    memory_kib: int = 0
