"""Decides where `fleet logs` reads from: the Engines, the running fleet's database, or both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from fleet.cli.api import Api, RefusedError
from fleet.cli.containers import NoContainerError, resolve
from fleet.cli.errors import CommandError
from fleet.cli.format import minute
from fleet.cli.log_output import LogWriter
from fleet.cli.log_stored import REACH, Search, follow_stored, show_stored, tell_nothing
from fleet.cli.output import note
from fleet.cli.past import container_path, need_running
from fleet.cli.running import run
from fleet.cli.settings import Settings, pick_host
from fleet.cli.view import Source
from web.documents import ContainerDocument

A_MOMENT = timedelta(seconds=5)  # less than clocks may differ would be in the fleet's future


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the options say. `searching`: what is kept is wanted, not what the Engine has."""

    containers: Sequence[str]
    follow: bool
    tail: int | None
    since: datetime | None
    until: datetime | None
    text: str = ""
    regex: str = ""
    levels: Sequence[str] = ()
    hosts: Sequence[str] = ()
    searching: bool = False

    def search(self) -> Search:
        """The same for the database."""
        return Search(
            text=self.text,
            regex=self.regex,
            levels=self.levels,
            hosts=self.hosts,
            since=self.since or datetime.now(UTC) - REACH,
            until=self.until,
            tail=self.tail,
        )


def show(settings: Settings, asked: Asked, writer: LogWriter) -> None:
    """Write the lines that are asked for.

    Raises:
        CommandError: There is no such container, or no line of it is kept.
    """
    source = Source(settings)
    if asked.searching:
        _search(need_running(source, "only a running fleet has kept lines"), source, asked, writer)
        return
    try:
        meant = [resolve(source, reference) for reference in asked.containers]
        _earlier(source, meant, asked, writer)
        _direct(source, meant, asked, writer)
    except NoContainerError as error:
        _of_removed(source, asked, writer, error)


def _direct(
    source: Source, meant: Sequence[tuple[str, str]], asked: Asked, writer: LogWriter
) -> None:
    from fleet.cli.log_direct import Wanted, print_logs

    wanted = Wanted(follow=asked.follow, tail=asked.tail, since=asked.since, until=asked.until)
    hosts = [(pick_host(source.config, host), reference) for host, reference in meant]
    try:
        run(print_logs, source.config, hosts, wanted, writer)
    except NoContainerError:
        raise
    except CommandError as error:
        if source.running() is None:
            raise
        hint = f"{error.hint}; `fleet logs --stored` prints what is kept of it"
        raise CommandError(error.message, hint, error.code) from error


def _search(api: Api, source: Source, asked: Asked, writer: LogWriter) -> None:
    search = asked.search()
    writer.named |= _may_mean_several(asked)
    if asked.follow:
        _follow(api, source, asked, writer)
    elif not show_stored(api, asked.containers, search, writer):
        tell_nothing(api, asked.containers, search)
    elif asked.since is None and asked.tail is None:
        note(f"fleet: kept lines of the last {REACH.days} days; --since reaches further")


def _may_mean_several(asked: Asked) -> bool:
    """Whether what is kept may be of several hosts: a name alone was one of each."""
    return any("/" not in reference for reference in asked.containers)


def _follow(api: Api, source: Source, asked: Asked, writer: LogWriter) -> None:
    """Follow each container by a task of its own."""
    import trio

    if not asked.containers:
        raise CommandError("--follow needs to know which containers", "name them")
    meant = ["/".join(resolve(source, reference)) for reference in asked.containers]
    search = asked.search()
    if asked.tail == 0:
        search = msgspec.structs.replace(search, since=datetime.now(UTC) - A_MOMENT)

    async def all_of_them() -> None:
        async with trio.open_nursery() as nursery:
            for reference in meant:
                # Abandoned at Ctrl-C: they wait for lines, and the process ends then.
                follow = partial(follow_stored, api, reference, search, writer)
                nursery.start_soon(partial(trio.to_thread.run_sync, follow, abandon_on_cancel=True))

    run(all_of_them)


def _earlier(
    source: Source, meant: Sequence[tuple[str, str]], asked: Asked, writer: LogWriter
) -> None:
    """Write what is kept from before a container was made, where `--since` reaches back so far."""
    if asked.since is None or asked.tail is not None:
        return
    running = source.running()
    if running is None:
        return
    for host, reference in meant:
        _before(running[0], host, reference, asked, writer)


def _before(api: Api, host: str, reference: str, asked: Asked, writer: LogWriter) -> None:
    try:
        path = container_path(f"{host}/{reference}", "").rstrip("/")
        container = api.read(path, ContainerDocument)
        if asked.since is None or container.created is None or container.created <= asked.since:
            return
        until = min(container.created, asked.until or container.created)
        search = msgspec.structs.replace(asked.search(), until=until)
        if show_stored(api, [f"{host}/{container.name}"], search, writer):
            note(
                f"fleet: lines from before {minute(container.created)}"
                f" are of earlier containers called {container.name}, as they were kept"
            )
    except RefusedError as error:
        if error.kind not in ("unknown-container", "unknown-path"):
            note(f"fleet: what is kept from before cannot be read: {error.message}")


def _of_removed(source: Source, asked: Asked, writer: LogWriter, why: NoContainerError) -> None:
    """Write what is kept of containers that are not there any more, or say that they are not.

    Raises:
        CommandError: Nothing is kept of them either.
    """
    running = source.running()
    if running is None:
        raise why
    writer.named |= _may_mean_several(asked)
    try:
        count = show_stored(running[0], asked.containers, asked.search(), writer)
    except RefusedError as error:
        if error.kind != "unknown-path":
            note(f"fleet: what is kept of it cannot be read: {error.message}")
        raise why from None
    if not count:
        raise why
    note(f"fleet: {why.message}; these lines were kept, since it is removed")
