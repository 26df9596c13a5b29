"""Which containers end again and again: one host's memory of their ends. Pure but for that.

A container in a crash loop is `running` and `restarting` by turns, and well every other second for
who looks at its state alone. Its ends tell, however its run of the moment goes.

Ends come from two sources, of which the larger count holds: `die` events with an exit code other
than 0, and what the Engine's own count of restarts grew by, which knows of programs that end
without an error and are started again. An end that somebody asked for is none, and with a `stop`
(of `docker stop` as of `docker restart`) counting begins anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from fleet.model import Container, EngineEvent, HealthStatus

WINDOW = timedelta(minutes=10)  # within which ends are counted
MANY = 3  # ends within it: two may be bad luck at the start of a machine or of a database
# The Engine waits up to a minute before it restarts, so a loop has an end within this time as long
# as its runs take less than four minutes; whoever runs for longer has come up.
CALM = timedelta(minutes=5)
BETWEEN = timedelta(seconds=30)  # stopped: whoever restarts it from outside does so within these
ASKED = timedelta(minutes=2)  # from a signal to the end that it leads to
MOST_ENDS = 100  # remembered of one container
MOST = 10_000  # containers remembered of one host
_LIVES = ("running", "paused", "restarting")


@dataclass(slots=True)
class _Past:
    ends: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST_ENDS))
    restarts: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST_ENDS))
    exit_code: int | None = None
    asked: datetime | None = None  # when it was sent a signal

    def drop(self, before: datetime) -> None:
        """Forget what is older."""
        for times in (self.ends, self.restarts):
            while times and times[0] < before:
                times.popleft()
        if self.asked is not None and self.asked < before:
            self.asked = None

    @property
    def is_empty(self) -> bool:
        return not self.ends and not self.restarts and self.asked is None


class Loops:
    """Remembers the last ends of the containers of one host; outlives connections.

    All times are by our clock.
    """

    def __init__(self) -> None:
        self._pasts: dict[str, _Past] = {}

    def heard(self, event: EngineEvent, at: datetime) -> None:
        """Take over a container's event of this time."""
        action = event.action
        if action == "stop":
            self._pasts.pop(event.actor_id, None)
        elif action == "kill" and (past := self._past(event.actor_id)) is not None:
            past.asked = at
        elif action in ("die", "died") and (past := self._past(event.actor_id)) is not None:
            asked, past.asked = past.asked, None
            if asked is not None and at - asked <= ASKED:
                return
            past.exit_code = event.exit_code
            if event.exit_code:
                past.ends.append(at)

    def restarted(self, container_id: str, times: int, at: datetime) -> None:
        """Take over how many restarts its Engine counted more at this time."""
        if times > 0 and (past := self._past(container_id)) is not None:
            past.restarts.extend([at] * min(times, MOST_ENDS))

    def judged(self, container: Container, at: datetime) -> Container:
        """The container with what its ends say of it."""
        past = self._pasts.get(container.id)
        if past is None:
            return replace(container, looping=False, ends_lately=0, last_exit_code=None)
        past.drop(at - WINDOW)
        times = max(past.restarts, past.ends, key=len)
        return replace(
            container,
            looping=len(times) >= MANY and _goes_on(container, at - times[-1]),
            ends_lately=len(times),
            last_exit_code=past.exit_code if times else None,
        )

    def known(self) -> Collection[str]:
        """The ids of the containers that something is remembered of."""
        return tuple(self._pasts)

    def forget(self, container_id: str) -> None:
        """Forget a container that is gone."""
        self._pasts.pop(container_id, None)

    def forget_old(self, at: datetime) -> None:
        """Forget what does not count any more."""
        for id_, past in list(self._pasts.items()):
            past.drop(at - WINDOW)
            if past.is_empty:
                del self._pasts[id_]

    def _past(self, container_id: str) -> _Past | None:
        known = self._pasts.get(container_id)
        if known is None and len(self._pasts) < MOST:
            known = self._pasts[container_id] = _Past()
        return known


def health_word(container: Container) -> HealthStatus:
    """How it is told to be: what ends again and again is unhealthy, whatever its last run says."""
    return "unhealthy" if container.looping else container.health.status


def _goes_on(container: Container, since: timedelta) -> bool:
    """Whether one that ended often still does, `since` its last end."""
    return since <= (CALM if container.state in _LIVES else BETWEEN)
