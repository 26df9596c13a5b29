"""What the page of a container shows of it as it is now: pure, but for the table of routes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from urllib.parse import quote

import msgspec

from labels.facts import Place
from labels.model import RoutedContainer
from web.documents import ContainerDocument, EventDocument, PortDocument
from web.pages.container_past import EVENTS, Meant
from web.pages.states import Tone
from web.routing import Routing

_HTTPS = frozenset({443, 8443, 9443})
_HTTP = frozenset({80, 81, 3000, 5000, 5601, 7474, 8000, 8001, 8008, 8081, 8086, 8088, 8888, 9000})
_HTTP_RANGES = (range(8080, 8100), range(9090, 9100), range(3000, 3010))
_ANYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - what a published port says
_LOOPBACK = ("127.", "::1")
_EVENT_TONES: dict[str, Tone] = {
    "start": "good",
    "unpause": "good",
    "health_status: healthy": "good",
    "health_status: unhealthy": "bad",
    "oom": "bad",
    "restart": "warn",
    "pause": "warn",
    "kill": "warn",
}


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """A port inside, where it is published, and a link where a browser may get an answer."""

    name: str
    published: tuple[str, ...]
    link: str | None


def ports(found: Sequence[PortDocument], address: str | None) -> list[Port]:
    """By port: those that are published first.

    Args:
        found: As the Engine has them.
        address: Where the host is reached; None where that is not known.
    """
    grouped: dict[tuple[int, str], list[PortDocument]] = {}
    for port in found:
        grouped.setdefault((port.container_port, port.protocol), []).append(port)
    made = [
        Port(
            name=f"{number}/{protocol}",
            published=tuple(dict.fromkeys(map(_published, filter(_is_published, same)))),
            link=next(filter(None, (_link(port, address) for port in same)), None),
        )
        for (number, protocol), same in sorted(grouped.items())
    ]
    return sorted(made, key=lambda port: not port.published)


def _is_published(port: PortDocument) -> bool:
    return port.host_port is not None


def _published(port: PortDocument) -> str:
    where = port.host_ip or ""
    if where in _ANYWHERE:
        return f"all addresses, port {port.host_port}"
    return f"[{where}]:{port.host_port}" if ":" in where else f"{where}:{port.host_port}"


def _link(port: PortDocument, address: str | None) -> str | None:
    number, where = port.container_port, port.host_ip or ""
    if port.host_port is None or port.protocol != "tcp" or where.startswith(_LOOPBACK):
        return None
    likely = number in _HTTP or any(number in each for each in _HTTP_RANGES)
    if not likely and number not in _HTTPS:
        return None
    host = address if where in _ANYWHERE else where
    if not host:
        return None
    scheme = "https" if number in _HTTPS else "http"
    bare = f"[{host}]" if ":" in host else quote(host, safe="")
    return f"{scheme}://{bare}:{port.host_port}/"


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """An event in words."""

    event: EventDocument
    tone: Tone
    words: str


def happened(
    stored: Sequence[EventDocument], held: Sequence[EventDocument], meant: Meant
) -> list[Happened]:
    """The newest events of a container, the newest first: of the database and of memory."""
    ids = {one.id for one in meant.incarnations}
    named = not ids or meant.ref not in ids
    found = {_key(event): event for event in stored}
    for event in held:
        if event.type != "container" or event.host != meant.host:
            continue
        if event.actor_id in ids or (named and event.name == meant.ref):
            found[_key(event)] = event
    newest = sorted(found.values(), key=lambda event: event.time_nano, reverse=True)
    return [
        Happened(event=event, tone=event_tone(event), words=event_words(event))
        for event in newest[:EVENTS]
    ]


def _key(event: EventDocument) -> Hashable:
    return event.time_nano, event.action, event.actor_id


def event_tone(event: EventDocument) -> Tone:
    """How grave an event is."""
    if event.action == "die":
        return "bad" if event.exit_code else "idle"
    return _EVENT_TONES.get(event.action, "idle")


def event_words(event: EventDocument) -> str:
    """What it tells besides its action."""
    said = event.attributes
    if event.action == "kill" and "signal" in said:
        return f"signal {said['signal']}"
    if event.action == "rename" and "oldName" in said:
        return f"before: {said['oldName'].removeprefix('/')}"
    return "" if event.exit_code is None else f"exit code {event.exit_code}"


class RoutesSeen:
    """The routes of one container, looked for again only when the table changed."""

    def __init__(self, routing: Routing | None) -> None:
        self._routing = routing
        self._version: Hashable = None
        self._of: tuple[str, str] | None = None
        self._found: RoutedContainer | None = None

    def of(self, container: ContainerDocument) -> RoutedContainer | None:
        """What its labels ask for; None where they ask for nothing."""
        if self._routing is None:
            return None
        version, key = self._routing.version(), (container.host, container.id)
        if version != self._version or key != self._of:
            same = (each for each in self._routing.containers() if (each.host, each.id) == key)
            self._found, self._version, self._of = next(same, None), version, key
        return self._found

    def address(self, host: str) -> str | None:
        """Where a host is reached."""
        place: Place | None = None if self._routing is None else self._routing.place(host)
        return None if place is None else place.address or None


def since(container: ContainerDocument) -> datetime | None:
    """Since when it is in its state, as far as that is known."""
    match container.state:
        case "running" | "paused":
            return container.started
        case "exited" | "dead" | "restarting":
            return container.finished
        case _:
            return container.created
