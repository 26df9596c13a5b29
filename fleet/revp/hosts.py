"""What is new of hosts and their containers, until the table of routes is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import trio

from config.models import Host
from fleet.changes import (
    Change,
    ContainerChanged,
    ContainerRemoved,
    EventSeen,
    HostChanged,
    HostRemoved,
)
from fleet.model import Container, HostState
from fleet.revp.causes import Causes
from fleet.revp.facts import facts_of, lender_of, place_of
from fleet.tracker import Tracker
from labels.facts import Place
from labels.model import Cause
from labels.routing.steps import Steps
from labels.routing.table import RouteTable

LISTING = 1.0  # seconds for which what is heard of a host waits for its list to be whole
JOINING = 10.0  # seconds for which a host that leaves stays until those that join are listed
LOOK = 5.0  # seconds until it is looked again at containers that nobody can inspect
CONFIGURATION = Cause(event="configuration")


class RoutedHosts:
    """Marks what the tracker says, and tells all of it at once.

    A host is listed container by container. What is heard meanwhile waits for the whole list, but
    not long: one container that does not answer must hold up nobody else's route.

    A host that leaves takes its routes with it at once. If others join in the same moment it may
    have got another name: its routes stay until those are listed, so that none is away in between.

    Args:
        tracker: The live state.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._causes = Causes()
        self._hosts: Mapping[str, Host] = {}
        self._told: dict[str, Place] = {}
        self._moved: dict[str, None] = {}
        self._left: dict[str, float] = {}  # until when their routes stay at most
        self._joining: set[str] = set()  # those that wait for no longer than for these
        self._listed: dict[str, None] = {}
        self._ever_listed: set[str] = set()
        self._touched: dict[str, dict[str, Container]] = {}
        self._since: dict[str, float] = {}  # when the first of those was touched
        self._borrowers: dict[str, dict[str, str]] = {}  # those in another's network, and whose
        self._patience: dict[str, float] = {}  # until when a host is waited for
        self._unread: dict[str, set[str]] = {}  # listed, but nobody knows yet how they are
        self._look = float("inf")  # when to look whether those are still listed

    def place(self, host: str) -> Place | None:
        """Where a host is, as the table was told."""
        return self._told.get(host)

    def want(self, hosts: Mapping[str, Host], wait: float) -> None:
        """Have these hosts from now on; disabled ones count as absent.

        Args:
            hosts: The configured hosts.
            wait: Seconds that a new one is waited for.
        """
        before = self._hosts
        self._hosts = {name: host for name, host in hosts.items() if host.enabled}
        leaving, joining = before.keys() - self._hosts.keys(), self._hosts.keys() - before.keys()
        if leaving:
            self._joining |= joining
        for name in leaving:
            self._leave(name, JOINING if joining else 0.0)
        for name in joining:
            self._patience[name] = trio.current_time() + wait
        self._moved |= dict.fromkeys(self._hosts)
        # One that was out of the file for a moment may never have been disconnected.
        self._listed |= dict.fromkeys(filter(self._is_up, joining))

    def hear(self, change: Change) -> bool:
        """Mark what changed; returns whether the table should be told soon."""
        match change:
            case EventSeen(event=event):
                self._causes.hear(event, trio.current_time())
            case ContainerChanged(container=container) | ContainerRemoved(container=container):
                return self._touch(container)
            case HostChanged(state=state, previous=previous):
                return self._host_changed(state, previous)
            case HostRemoved(host=host) if host in self._hosts:  # it left, and is back already
                patience = self._patience.get(host)
                self._leave(host, 0.0)
                self._moved[host] = None
                if patience is not None:
                    self._patience[host] = patience
                return True
        return False

    def again(self) -> None:
        """Tell a new table everything."""
        self._told.clear()
        self._moved |= dict.fromkeys(self._hosts)
        self._listed |= dict.fromkeys(filter(self._is_up, self._hosts))

    @property
    def deadline(self) -> float:
        """When there is something to tell though nothing more is heard, in trio's time."""
        lists = [since + LISTING for since in self._since.values()]
        return min((self._look, *lists, *self._patience.values(), *self._left.values()))

    def telling(self, table: RouteTable, now: datetime) -> Steps[None]:
        """Tell the table what is new, in steps; what is heard in between may wait for the next."""
        yield from self._forgetting([h for h in self._left if h in self._hosts], table, now)
        yield from self._telling_places(table, now)
        listed, self._listed = self._listed, {}
        for host in listed:
            yield from self._telling_list(host, table, now)
        for host in list(self._touched):
            if host in self._touched and self._is_due(host):
                yield from self._telling_touched(host, table, now)
        self._tell_unread(table, now)
        at = trio.current_time()
        gone = [host for host in self._left if host not in self._hosts]  # else it is back
        left = [host for host in gone if self._left[host] <= at or not self._joining]
        yield from self._forgetting(left, table, now)
        for host in [host for host, until in self._patience.items() if until <= at]:
            del self._patience[host]
            table.give_up(host, now)

    def _forgetting(self, hosts: Iterable[str], table: RouteTable, now: datetime) -> Steps[None]:
        for host in hosts:
            self._left.pop(host, None)
            table.forget(host, CONFIGURATION, now)
            yield
        if not self._left:
            self._joining.clear()

    def _touch(self, container: Container) -> bool:
        host = container.host
        if host not in self._hosts:
            return False
        self._touched.setdefault(host, {})[container.id] = container
        self._since.setdefault(host, trio.current_time())
        return True

    def _host_changed(self, state: HostState, previous: HostState) -> bool:
        host = self._hosts.get(state.name)
        if host is None or state.status == "disabled":
            return False
        if state.status == "up" and previous.status != "up":
            self._listed[host.name] = None
        elif place_of(host, state) == self._told.get(host.name):
            return False
        self._moved[host.name] = None
        return True

    def _leave(self, host: str, stays: float) -> None:
        self._left[host] = trio.current_time() + stays
        for waiting in (self._told, self._moved, self._listed, self._touched, self._since):
            waiting.pop(host, None)
        self._borrowers.pop(host, None)
        self._patience.pop(host, None)
        self._unread.pop(host, None)
        self._ever_listed.discard(host)
        self._joining.discard(host)
        self._causes.forget(host)

    def _telling_places(self, table: RouteTable, now: datetime) -> Steps[None]:
        moved, self._moved = self._moved, {}
        for name in moved:
            if name not in self._hosts:  # it left meanwhile
                continue
            place = place_of(self._hosts[name], self._tracker.hosts.get(name))
            before = self._told.get(name)
            if place != before:
                self._told[name] = place
                table.place(place, _why_moved(before, place), now)
            yield

    def _is_due(self, host: str) -> bool:
        """Whether what was heard of a host may be told: nothing is listed now, or for too long."""
        return self._is_up(host) or trio.current_time() - self._since[host] >= LISTING

    def _is_up(self, host: str) -> bool:
        state = self._tracker.hosts.get(host)
        return state is not None and state.status == "up"

    def _telling_list(self, host: str, table: RouteTable, now: datetime) -> Steps[None]:
        """Tell all containers of a host; those that the table is not told of are gone."""
        if not self._is_listed(host):
            return
        if host not in self._ever_listed:
            self._ever_listed.add(host)
            self._causes.forget(host)  # the Engine told what was long ago
        touched = self._touched.setdefault(host, {})
        for container_id, container in self._tracker.containers(host).items():
            touched.setdefault(container_id, container)
        self._since.setdefault(host, 0.0)
        yield from self._telling_touched(host, table, now)
        if not self._is_listed(host):
            return
        self._patience.pop(host, None)
        self._joining.discard(host)
        unread = self._tracker.unread(host)
        self._unread.setdefault(host, set()).update(unread)
        table.listed(host, now, unread)

    def _is_listed(self, host: str) -> bool:
        """Whether what is known of a host is still its list: it may have left, or be down again."""
        return host in self._hosts and host not in self._left and self._is_up(host)

    def _tell_unread(self, table: RouteTable, now: datetime) -> None:
        """Let go who was listed, is listed no longer, and was never known any better."""
        for host, ids in list(self._unread.items()):
            for container_id in ids - self._tracker.unread(host):
                ids.discard(container_id)
                if container_id not in self._tracker.containers(host):
                    table.remove(host, container_id, Cause(event="listed", host=host), now)
            if not ids:
                del self._unread[host]
        self._look = trio.current_time() + LOOK if self._unread else float("inf")

    def _telling_touched(self, host: str, table: RouteTable, now: datetime) -> Steps[None]:
        """Tell how touched containers are now; those that went first, their heirs after them."""
        del self._since[host]
        touched, known = self._touched.pop(host), self._tracker.containers(host)
        at = trio.current_time()
        for container_id, container in touched.items():
            if container_id not in known:
                self._borrowers.get(host, {}).pop(container_id, None)
                table.remove(host, container_id, self._causes.of_gone(container, at), now)
        names: dict[str, Container] = {}
        for container_id in self._with_borrowers(host, touched):
            if (there := known.get(container_id)) is not None:
                lender = self._lender(there, names)
                table.put(facts_of(there, lender), self._causes.of(there, at), now)
            yield

    def _with_borrowers(self, host: str, touched: Mapping[str, Container]) -> Iterable[str]:
        """Containers, and those whose ports are theirs."""
        changed = {*touched, *(container.name for container in touched.values())}
        lent = self._borrowers.get(host, {}).items()
        return [*touched, *(who for who, whose in lent if whose in changed and who not in touched)]

    def _lender(self, container: Container, names: dict[str, Container]) -> Container | None:
        """The container whose network this one shares; keeps who shares whose.

        `names` is filled with the host's containers by name once one is looked for by that.
        """
        borrowers = self._borrowers.setdefault(container.host, {})
        if not (whose := lender_of(container)):
            borrowers.pop(container.id, None)
            return None
        borrowers[container.id] = whose
        known = self._tracker.containers(container.host)
        if whose not in known and not names:
            names |= {one.name: one for one in known.values()}
        return known.get(whose) or names.get(whose)


def _why_moved(before: Place | None, place: Place) -> Cause:
    if before is None:
        return CONFIGURATION
    if before.stale_since is None and place.stale_since is not None:
        return Cause(event="host down", host=place.name)
    if before.stale_since is not None and place.stale_since is None:
        return Cause(event="host up", host=place.name)
    return CONFIGURATION
