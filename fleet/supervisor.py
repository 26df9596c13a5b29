"""Desired hosts against running sessions: reconcile, never command."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import trio
from structlog.contextvars import bound_contextvars

from config.diff import is_another
from config.models import Host, SshHost
from connectors.ssh_thread import open_ssh_thread
from fleet.events import EventCursor
from fleet.limits import Limits
from fleet.session import HostSession, Publish
from fleet.tracker import Tracker

log = logging.getLogger(__name__)

Resume = Callable[[Collection[str]], Awaitable[Mapping[str, int]]]
"""Learns what is stored of hosts; returns nanoseconds of the last known event by host."""


@dataclass
class _Running:
    """A session's handle: what it was started with, and how to end it."""

    host: Host
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    ended: trio.Event = field(default_factory=trio.Event)


class Supervisor:
    """Runs a session for every enabled host of the newest configuration.

    Args:
        tracker: The live state that the sessions keep.
        limits: What all hosts share.
        publish: See `HostSession`.
        resume: Called with hosts that are new here, before they are followed.
    """

    def __init__(
        self,
        tracker: Tracker,
        limits: Limits,
        publish: Publish,
        resume: Resume,
    ) -> None:
        self._tracker = tracker
        self._limits = limits
        self._publish = publish
        self._running: dict[str, _Running] = {}
        self._resume = resume
        self._cursors: dict[str, EventCursor] = {}
        self._desired: Mapping[str, Host] = {}
        self._restart: set[str] = set()
        self._changed = trio.Event()
        self._has_ssh_thread = False

    def want(self, hosts: Mapping[str, Host], restart: frozenset[str] = frozenset()) -> None:
        """Set which hosts there shall be; those in `restart` begin anew even if unchanged."""
        self._desired = dict(hosts)
        self._restart |= restart
        self._changed.set()

    async def run(self) -> None:
        """Reconcile whenever `want` was called. Runs until cancelled."""
        async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
            while True:
                await self._changed.wait()
                self._changed = trio.Event()
                await self._keep_ssh_thread(stack)
                await self._reconcile(nursery)

    async def _keep_ssh_thread(self, stack: AsyncExitStack) -> None:
        """Hold the thread for SSH from the first such host on, however hosts come and go."""
        if not self._has_ssh_thread and any(
            isinstance(host, SshHost) and host.enabled for host in self._desired.values()
        ):
            self._has_ssh_thread = True
            await stack.enter_async_context(open_ssh_thread())

    async def _reconcile(self, nursery: trio.Nursery) -> None:
        """Stop first, start later, so that no host is ever followed twice."""
        desired, restart = self._desired, self._restart
        self._restart = set()
        leaving = [
            name
            for name, running in self._running.items()
            if name in restart or name not in desired or is_another(running.host, desired[name])
        ]
        for name in leaving:
            self._running[name].scope.cancel()
        for name in leaving:
            await self._running.pop(name).ended.wait()
        for name in self._tracker.hosts.keys() - desired.keys():
            self._tracker.remove_host(name)
            self._cursors.pop(name, None)
            log.info("%s: no longer in the configuration", name)
        starting = [host for name, host in desired.items() if name not in self._running]
        await self._start([host for host in starting if self._show(host)], nursery)

    def _show(self, host: Host) -> bool:
        """Show a host that is to begin; returns whether it is enabled."""
        if host.enabled:
            self._tracker.add_host(host.name)
        elif not self._is_disabled(host.name):
            self._tracker.add_host(host.name, "disabled")
        return host.enabled

    async def _start(self, hosts: list[Host], nursery: trio.Nursery) -> None:
        """Start sessions; of hosts that none was started for yet, what is stored comes first."""
        if fresh := [host.name for host in hosts if host.name not in self._cursors]:
            known = await self._resume(fresh)
            self._cursors |= {name: EventCursor(known.get(name)) for name in fresh}
        for host in hosts:
            self._running[host.name] = running = _Running(host)
            nursery.start_soon(self._session, running, name=f"session {host.name}")

    def _is_disabled(self, name: str) -> bool:
        state = self._tracker.hosts.get(name)
        return state is not None and state.status == "disabled"

    async def _session(self, running: _Running) -> None:
        host = running.host
        cursor = self._cursors[host.name]
        session = HostSession(host, self._tracker, self._limits, cursor, self._publish)
        try:
            with running.scope, bound_contextvars(host=host.name):
                await session.run()
        finally:
            running.ended.set()
