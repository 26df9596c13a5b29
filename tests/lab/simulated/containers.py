"""One simulated container: what it was created with, its state, and when it was at work."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

KEPT_SPANS = 8
RUNNING = ("running", "paused")


@dataclass(frozen=True, slots=True)
class Load:
    """How much a container does, all the time or in waves.

    Attributes:
        cpu: Of one core, on average.
        wave: Seconds from one peak to the next.
        memory: Bytes in use at least; it grows from there by up to a quarter, and falls again.
        network: Bytes a second received; half as many are sent.
        disk: Bytes a second written; a tenth is read.
        processes: As many as there are.
    """

    cpu: float
    wave: float
    memory: int
    network: int
    disk: int
    processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a container was created with, and keeps.

    Attributes:
        policy: Restart policy: ``no``, ``always`` or ``unless-stopped``.
        ports: Published ports, such as ``80/tcp`` to that of the host.
        is_checked: It has a health check.
        line_nanos: From one line of its log to the next.
    """

    image: str
    command: tuple[str, ...]
    labels: dict[str, str]
    environment: tuple[str, ...]
    policy: str
    network: str
    ports: dict[str, int]
    tty: bool
    is_checked: bool
    line_nanos: int
    load: Load


@dataclass(slots=True)
class Span:
    """Some time in which a container was at work, in nanoseconds of the host's clock."""

    began: int
    ended: int | None = None


@dataclass(slots=True)
class Container:
    """A container as its Engine has it.

    Attributes:
        created: Nanoseconds of the host's clock, as all times here.
        state: ``created``, ``running``, ``paused``, ``restarting`` or ``exited``.
        started: When its last run began; 0: never. It ``finished`` one after or before that.
        spans: The last times in which it was at work: its runs, without pauses.
        worked: How long it was at work in its last run, before the last span.
        health: ``starting``, ``healthy``, ``unhealthy``, or nothing without a check.
        health_since: When it became that.
    """

    id: str
    name: str
    made: Made
    created: int
    address: int
    state: str = "created"
    started: int = 0
    finished: int = 0
    spans: deque[Span] = field(default_factory=lambda: deque(maxlen=KEPT_SPANS))
    worked: int = 0
    pid: int = 0
    exit_code: int = 0
    is_oom_killed: bool = False
    restarts: int = 0
    health: str = ""
    health_since: int = 0

    @property
    def has_processes(self) -> bool:
        """Whether it can be sampled."""
        return self.state in RUNNING

    def begin_work(self, at: int) -> None:
        """Begin to be at work."""
        self.spans.append(Span(at))

    def end_work(self, at: int) -> None:
        """End to be at work, if it was."""
        span = self.spans[-1]
        if span.ended is None:
            span.ended = at
            self.worked += at - span.began

    def at_work(self, at: int) -> int:
        """Nanoseconds for which it was at work in its last run."""
        if not self.spans or self.spans[-1].ended is not None:
            return self.worked
        return self.worked + at - self.spans[-1].began
