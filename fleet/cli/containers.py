"""Containers as the commands choose and name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from fleet.cli.errors import CommandError
from fleet.cli.output import note
from fleet.cli.view import Choice, Source, View
from web.documents import ContainerDocument, HostDocument, Page
from web.selection import ContainerFilter, container_test, parse_labels


class NoContainerError(CommandError):
    """There is none of this name now; there may have been one."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which containers are wanted, as the options say it."""

    hosts: Sequence[str] = ()
    states: Sequence[str] = ()
    healths: Sequence[str] = ()
    labels: Sequence[str] = ()
    name: str = ""

    def apply(self, containers: Iterable[ContainerDocument]) -> list[ContainerDocument]:
        """The wanted ones; the same rules as the API's."""
        wanted = container_test(
            ContainerFilter(
                hosts=frozenset(self.hosts),
                states=frozenset(self.states),
                healths=frozenset(self.healths),
                labels=parse_labels(self.labels),
                name=self.name or None,
            )
        )
        return [container for container in containers if wanted(container)]


class Containers(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet ps --json` and `fleet stats --json`, as of `/api/containers`.

    `unreachable` names the chosen hosts whose containers are missing or stale.
    """

    containers: list[ContainerDocument]
    page: Page
    unreachable: tuple[str, ...] = ()


def look(source: Source, filters: Filters, *, samples: bool) -> tuple[View, Containers]:
    """Look at the chosen hosts and pick the wanted containers."""
    view = source.view(Choice(filters.hosts), containers=True, samples=samples)
    found = filters.apply(view.containers)
    page = Page(total=len(found), offset=0, limit=max(1, len(found)))
    missing = tuple(host.name for host in view.hosts if host.status in ("down", "connecting"))
    return view, Containers(containers=found, page=page, unreachable=missing)


def tell_unreachable(hosts: Iterable[HostDocument]) -> bool:
    """Say on stderr which hosts are missing from a list; returns whether any is."""
    missing = [host for host in hosts if host.status in ("down", "connecting")]
    for host in missing:
        why = host.error.message if host.error else "not answered yet"
        stale = ", its containers are the last known" if host.stale_since else ""
        note(f"fleet: {host.name} is {host.status}: {why}{stale}")
    return bool(missing)


def resolve(source: Source, reference: str) -> tuple[str, str]:
    """Find the container that `HOST/NAME`, a name alone or an id's beginning means.

    Returns:
        Its host and its id, or what was given after `HOST/` for the Engine to find.

    Raises:
        NoContainerError: None is meant.
        CommandError: Several are.
    """
    host, slash, name = reference.partition("/")
    if slash:
        return host, name
    view = source.view(Choice(), containers=True)
    found = [
        each
        for each in view.containers
        if each.name == reference or (len(reference) >= 4 and each.id.startswith(reference))
    ]
    if len(found) == 1:
        return found[0].host, found[0].id
    tell_unreachable(view.hosts)
    if found:
        names = ", ".join(f"{each.host}/{each.name}" for each in found)
        raise CommandError(f"{reference!r} means several containers: {names}", "write HOST/NAME")
    unseen = [each.name for each in view.hosts if each.status != "up" and not each.containers.total]
    where = f" on the hosts that answer (not {', '.join(unseen)})" if unseen else ""
    raise NoContainerError(f"no container is called {reference!r}{where}", nearest(reference, view))


def nearest(name: str, view: View) -> str:
    """The hint for a name that is not there."""
    from difflib import get_close_matches

    names = {each.name: f"{each.host}/{each.name}" for each in view.containers}
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {names[close[0]]}?" if close else "`fleet ps -a` lists all of them"
