"""Where `fleet events` gets events from: the running fleet's API, or the Engines themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from fleet.cli.api import Api, NotRunningError
from fleet.cli.errors import CommandError
from fleet.cli.output import note
from fleet.cli.view import Choice, chosen
from fleet.client.messages import Message
from web.documents import EventDocument, EventsDocument
from web.history import EventFilter
from web.selection import event_matches

if TYPE_CHECKING:
    from config.models import Config, Host

RECENT = timedelta(hours=1)
RECONNECT = 2.0  # seconds
GIVE_UP = 300.0  # seconds without a running fleet until following it ends

Write = Callable[[EventDocument], None]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events, as the options say it; empty means any."""

    kind: str = ""
    action: str = ""
    container: str = ""
    since: datetime | None = None
    limit: int = 200
    follow: bool = False

    def matches(self, event: EventDocument) -> bool:
        """Whether an event is wanted; the same rules as the API's."""
        return event_matches(
            event,
            EventFilter(
                types=(self.kind,) if self.kind else (),
                actions=(self.action,) if self.action else (),
                containers=(self.container,) if self.container else (),
            ),
        )

    def query(self) -> dict[str, str]:
        """The filter as the API takes it."""
        named = {"type": self.kind, "action": self.action, "container": self.container}
        return {key: value for key, value in named.items() if value}


def show_running(api: Api, choice: Choice, wanted: Wanted, write: Write) -> None:
    """Show what a running fleet tells."""
    hosts = set(chosen(api.hosts(), choice)) if choice.names or choice.labels else None

    def show(event: EventDocument) -> None:
        if hosts is None or event.host in hosts:
            write(event)

    since = wanted.since or (None if wanted.follow else datetime.now(UTC) - RECENT)
    query = wanted.query() | {"limit": str(wanted.limit)}
    if since is not None:
        query["since"] = since.isoformat().replace("+00:00", "Z")
    if hosts is not None and len(hosts) == 1:
        query["host"] = next(iter(hosts))
    past = api.events(query)
    if past.note:
        note(f"fleet: {past.note}")
    for event in past.events:
        show(event)
    if wanted.follow:
        _follow_running(api, wanted.query(), past.last_id or _newest_shown(past), show)


def _newest_shown(past: EventsDocument) -> str:
    """What an older fleet, which sends no `last_id`, is to go on after."""
    newest = max((event.number for event in past.events), default=0)
    return str(newest) if newest else ""


def _follow_running(api: Api, query: dict[str, str], last_id: str, show: Write) -> None:
    """Follow live; after a lost connection from where it stood, so that nothing is missed."""
    heard = time.monotonic()
    while True:
        try:
            for message in api.follow(query, last_id):
                heard = time.monotonic()
                last_id = message.id or last_id
                _take(message, show)
        except NotRunningError as error:
            if time.monotonic() - heard > GIVE_UP:
                raise CommandError(str(error), "is it still running? see `fleet status`") from error
            note(f"fleet: {error}; trying again")
            time.sleep(RECONNECT)


def _take(message: Message, show: Write) -> None:
    if message.event == "gap":
        note(f"fleet: events are missing here: {message.data}")
        return
    show(msgspec.json.decode(message.data, type=EventDocument))


def show_direct(config: Config, choice: Choice, wanted: Wanted, write: Write) -> None:
    """Show what the Engines tell, each followed by a task of its own."""
    from fleet.cli.event_direct import follow_hosts, past_events
    from fleet.cli.running import run

    names = chosen(config.hosts.values(), choice)
    hosts: list[Host] = [config.hosts[name] for name in names if config.hosts[name].enabled]
    since = wanted.since or datetime.now(UTC) - RECENT

    def show(event: EventDocument) -> None:
        if wanted.matches(event):
            write(event)

    if wanted.follow:
        run(follow_hosts, config, hosts, since, show)
        return
    past = [event for event in run(past_events, config, hosts, since) if wanted.matches(event)]
    for event in past[-wanted.limit :]:
        write(event)
