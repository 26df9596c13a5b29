"""Which containers a host has: list, then inspect what is new, changed or spoken of by an event.

A few are inspected at a time. One that hangs or fails gives its place away and is retried later,
then left for the next list, so it holds up nobody but itself.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

import trio

from connectors.errors import ApiStatusError, EngineError, NotFoundError, UnreachableError
from connectors.models import ContainerSummary
from fleet import translate
from fleet.backoff import Backoff
from fleet.connected import Connected
from fleet.model import Container, EngineEvent
from fleet.tracker import Tracker, now

log = logging.getLogger(__name__)

AT_A_TIME = 10  # of one host
LOOPS_EVERY = 10.0  # seconds until ends are judged anew where nothing happens
MOST_WAITING = 10_000  # of one host; what is spoken of beyond that waits for the next list
UNKNOWN = "unknown"  # a health that no list has: the next one differs


class Inventory:
    """The containers of one host during one connection.

    Args:
        connected: The host and its Engine.
        tracker: Where what is learned goes.
        operations: Bounds the inspects of all hosts together. Each host's first one is free of it,
            so that hosts that do not answer can never bring the others to a stop.
    """

    def __init__(
        self, connected: Connected, tracker: Tracker, operations: trio.CapacityLimiter
    ) -> None:
        self._host = connected.name
        self._engine = connected.engine
        self._tracker = tracker
        self._operations = operations
        self._interval = connected.host.monitoring.discovery_interval
        self._loops = tracker.loops(connected.name)
        self._allow = connected.host.monitoring.environment_allow
        self._retry = connected.host.retry
        self._dirty: dict[str, None] = {}  # to be inspected, in order
        self._asked: set[str] = set()  # whose inspect is under way
        self._later: dict[str, float] = {}  # failed: when to ask again
        self._failures: dict[str, Backoff] = {}
        self._wake = trio.Event()
        self._free_place: str | None = None
        self._news: set[str] = set()  # heard of since the last list was asked for
        self._status: dict[str, str] = {}  # id -> what the list last said beside the state

    def touch(self, container_id: str) -> None:
        """Ask for a container to be inspected soon; bursts for one container become one."""
        if len(self._dirty) < MOST_WAITING:
            self._dirty[container_id] = None
        if len(self._news) < MOST_WAITING:
            self._news.add(container_id)
        self._wake.set()

    def on_container_event(self, event: EngineEvent) -> None:
        """React to a container event; a destroyed one is gone without asking."""
        # What is told of the time before this connection has times of its own.
        self._loops.heard(event, now() if self._is_up() else min(event.time, now()))
        if event.action == "destroy":
            self._forget(event.actor_id)
            self._asked.discard(event.actor_id)  # an answer from before would bring it back
            self._tracker.remove_container(self._host, event.actor_id)
        else:
            self.touch(event.actor_id)

    def on_network_event(self, event: EngineEvent) -> None:
        """Inspect the container that joined or left a network."""
        if container := event.attributes.get("container"):
            self.touch(container)

    async def learn(self) -> None:
        """List all containers and inspect each once; what fails is retried by `follow`."""
        self._dirty |= dict.fromkeys(entry.id for entry in await self._list())
        async with trio.open_nursery() as nursery:
            while self._dirty:
                self._start_due(nursery)
                await self._wake.wait()
                self._wake = trio.Event()

    async def follow(self) -> None:
        """Inspect what events spoke of, and list again every interval. Runs until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._list_again)
            nursery.start_soon(self._judge_again)
            while True:
                self._start_due(nursery)
                with trio.move_on_at(min(self._later.values(), default=float("inf"))):
                    await self._wake.wait()
                self._wake = trio.Event()

    async def _list_again(self) -> None:
        """List every interval; an Engine that fails at it, but answers pings, is not gone."""
        while True:
            await trio.sleep(self._interval)
            before = self._status
            try:
                listed = await self._list()
            except (ApiStatusError, UnreachableError) as error:
                log.warning("not listed, trying again in %g s: %s", self._interval, error)
                continue
            for entry in listed:
                known = self._tracker.containers(self._host).get(entry.id)
                if _differs(entry, known, before.get(entry.id)):
                    self._dirty[entry.id] = None
            self._wake.set()

    async def _judge_again(self) -> None:
        """Have loops end in time: a container that runs on in peace says nothing of it."""
        while True:
            await trio.sleep(LOOPS_EVERY)
            known = self._tracker.containers(self._host)
            for id_ in self._loops.known():
                if id_ in known:
                    self._tracker.put_container(self._loops.judged(known[id_], now()))
                else:
                    self._loops.forget(id_)
            self._loops.forget_old(now())

    async def _list(self) -> list[ContainerSummary]:
        """Ask for the list; what was heard of meanwhile may be newer than it."""
        self._news.clear()
        listed = await self._engine.containers()
        self._tracker.keep_only(self._host, {entry.id for entry in listed} | self._news)
        self._status = {entry.id: _health_word(entry) for entry in listed}
        return listed

    def _start_due(self, nursery: trio.Nursery) -> None:
        """Start as many inspects as there are places; an id that is being asked for waits."""
        now = trio.current_time()
        for container_id in [key for key, due in self._later.items() if due <= now]:
            del self._later[container_id]
            self._dirty[container_id] = None
        places = AT_A_TIME - len(self._asked)
        due = [key for key in self._dirty if key not in self._asked] if places > 0 else []
        for container_id in due[:places]:
            del self._dirty[container_id]
            self._asked.add(container_id)
            nursery.start_soon(self._inspect, container_id)

    async def _inspect(self, container_id: str) -> None:
        try:
            async with AsyncExitStack() as stack:
                await self._take_place(container_id, stack)
                inspected = await self._engine.inspect(container_id)
        except NotFoundError:
            self._forget(container_id)
            self._tracker.remove_container(self._host, container_id)
        except EngineError as error:
            self._failed(container_id, error)
        else:
            self._failures.pop(container_id, None)
            if container_id in self._asked:  # else it was destroyed meanwhile
                self._put(translate.container(self._host, inspected, self._allow))
        finally:
            self._asked.discard(container_id)
            self._wake.set()

    def _put(self, container: Container) -> None:
        known = self._tracker.containers(self._host).get(container.id)
        # When it was restarted while nobody looked is not known: events tell, if anything does.
        if known is not None and self._is_up():
            times = container.restart_count - known.restart_count
            self._loops.restarted(container.id, times, now())
        self._tracker.put_container(self._loops.judged(container, now()))

    def _is_up(self) -> bool:
        return self._tracker.hosts[self._host].status == "up"

    async def _take_place(self, container_id: str, stack: AsyncExitStack) -> None:
        if self._free_place is None:
            self._free_place = container_id
            stack.callback(self._give_free_place)
        else:
            await stack.enter_async_context(self._operations)

    def _give_free_place(self) -> None:
        self._free_place = None

    def _failed(self, container_id: str, error: EngineError) -> None:
        backoff = self._failures.setdefault(container_id, Backoff(self._retry))
        delay = backoff.next_delay()
        if backoff.attempts <= self._retry.retries:
            self._later[container_id] = trio.current_time() + delay
            return
        log.warning("container %s is left for the next list: %s", container_id[:12], error)
        self._forget(container_id)
        self._status[container_id] = UNKNOWN

    def _forget(self, container_id: str) -> None:
        for waiting in (self._dirty, self._later, self._failures):
            waiting.pop(container_id, None)


def _differs(entry: ContainerSummary, known: Container | None, health: str | None) -> bool:
    """Whether the list says anything else than was known; `health` is what it said before."""
    return (
        known is None
        or known.health.source == "healthcheck"  # its streak and log change without an event
        or entry.state != known.state
        or f"/{known.name}" not in entry.names
        or health not in (None, _health_word(entry))
    )


def _health_word(entry: ContainerSummary) -> str:
    """`(healthy)` and the like out of `Up 5 minutes (healthy)`: changes without the state."""
    _, bracket, word = entry.status.rpartition("(")
    return bracket + word if bracket and not word[:1].isdigit() else ""
