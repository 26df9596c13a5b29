"""Engine events: which are kept, in what order, once each, and who acts on them. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from fleet.model import EngineEvent

Handler = Callable[[EngineEvent], None]

# The Engine keeps 256 events; events of one instant may arrive in another order after a reconnect.
REMEMBERED = 2048
OVERLAP_NANOS = 5_000_000_000
FIRST_LOOK_BACK_NANOS = 3600 * 1_000_000_000

# Health checks and terminals run these by the thousand; none of them changes a container.
NOISE = ("exec_create", "exec_start", "exec_die", "exec_detach", "top", "resize", "export", "copy")


def is_noise(event: EngineEvent) -> bool:
    """Whether an event says nothing about the fleet's state.

    The action may have a tail: `exec_create: sh -c ...`.
    """
    return event.action.partition(":")[0] in NOISE


class EventCursor:
    """Where one host's event stream stands: what to resume from and what was seen already."""

    def __init__(self, last_nano: int | None = None) -> None:
        self._last = last_nano
        self._seen: OrderedDict[tuple[int, str, str, str], None] = OrderedDict()

    def since(self, engine_now_nano: int) -> int:
        """Nanoseconds of the Engine's clock to ask from.

        It always overlaps a little. A first look, and a clock that was set back behind the last
        event, go back further: what was seen is told apart by its key, what was missed is gone.
        """
        if self._last is None or self._last > engine_now_nano + OVERLAP_NANOS:
            return max(0, engine_now_nano - FIRST_LOOK_BACK_NANOS)
        return max(0, min(self._last, engine_now_nano) - OVERLAP_NANOS)

    def is_new(self, event: EngineEvent) -> bool:
        """Whether this event was not seen before; remembers it."""
        key = (event.time_nano, event.type, event.action, event.actor_id)
        if key in self._seen:
            return False
        self._seen[key] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self._last = event.time_nano
        return True


class EventRouter:
    """Handlers by event type, with the action, or any action of the type."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, str | None], list[Handler]] = {}

    def register(self, type_: str, handler: Handler, action: str | None = None) -> None:
        """Call `handler` for events of a type (`container`), or of one of its actions (`die`)."""
        self._handlers.setdefault((type_, action), []).append(handler)

    def route(self, event: EngineEvent) -> None:
        """Call the handlers of an event, those of its action first."""
        action = event.action.partition(":")[0]
        for key in ((event.type, action), (event.type, None)):
            for handler in self._handlers.get(key, ()):
                handler(event)
