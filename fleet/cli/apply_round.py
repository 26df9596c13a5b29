"""One round of `fleet routes apply`: fetch, put in place, check, reload, or put back."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fleet.cli.api import Api, ProxyDocument
from fleet.cli.apply_files import Files
from fleet.cli.apply_programs import run_program
from fleet.cli.errors import CommandError

ATTEMPTS = 5  # at getting configuration and map of one revision
_SERVER = re.compile(rb"^    server ([A-Za-z0-9_.-]+):\d+", re.MULTILINE)


class ProxyRefusedError(CommandError):
    """The proxy will not have the new files; the old ones are in place."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet routes apply --json`.

    Attributes:
        format: `nginx` or `haproxy`.
        path: The file.
        map: HAProxy's map.
        revision: Of the table that they were made of.
        changed: Whether they were other ones before, and the proxy was reloaded.
        issues: How many things could not be expressed.
        without: Names of backends that do not resolve here, which nginx could not start with.
    """

    format: str
    path: str
    map: str | None = None
    revision: int
    changed: bool
    issues: int
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """What is to be kept up to date, and how. `query`: filters and options of the document."""

    form: str
    to: Path
    map: Path | None
    query: Mapping[str, str | Sequence[str]]
    check: list[str]
    reload: list[str]

    @property
    def files(self) -> Files:
        """The files that it is about, the map first: the check reads it too."""
        return Files(*([self.map] if self.map else []), self.to)


@dataclass(frozen=True)
class Fetched:
    """The documents of one round."""

    contents: Mapping[Path, bytes]
    revision: int
    issues: int
    without: tuple[str, ...] = ()


def fetch(api: Api, order: Order) -> Fetched:
    """Get the documents.

    Raises:
        CommandError: The fleet did not give them, so nothing is to be changed.
    """
    if order.map is not None:
        made, lines = _pair(api, order.query)
        contents = {order.map: lines.body, order.to: made.body}
        return Fetched(contents, made.revision, made.issues)
    made = api.proxy_document(f"/api/revp/{order.form}", order.query)
    without = unresolved(made.body, order.files.read(order.to))
    if without:
        given = order.query.get("without", ())
        known = [given] if isinstance(given, str) else list(given)
        query = {**order.query, "without": [*known, *without]}
        made = api.proxy_document(f"/api/revp/{order.form}", query)
    return Fetched({order.to: made.body}, made.revision, made.issues, without)


def _pair(
    api: Api, query: Mapping[str, str | Sequence[str]]
) -> tuple[ProxyDocument, ProxyDocument]:
    """Configuration and map, of one revision unless the table changes all the time.

    A map that is ahead does no harm: a backend that is not there is answered with 404 or 503.
    """
    for _ in range(ATTEMPTS):
        made = api.proxy_document("/api/revp/haproxy", query)
        lines = api.proxy_document("/api/revp/haproxy/map", query)
        if made.revision == lines.revision:
            break
    return made, lines


def unresolved(body: bytes, present: bytes) -> tuple[str, ...]:
    """The names of nginx's backends that do not resolve on this machine, sorted.

    nginx resolves them when it starts, and refuses everything if one is unknown. A name that the
    present file has is only unknown if that is certain: an outage of DNS is to take nothing away.
    """
    known = set(_SERVER.findall(present))
    names = sorted(set(_SERVER.findall(body)))
    return tuple(name.decode() for name in names if not _resolves(name.decode(), name in known))


def _resolves(name: str, was_known: bool) -> bool:
    try:
        socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return was_known and error.errno == socket.EAI_AGAIN
    except UnicodeError:
        return False
    return True


def put(order: Order, fetched: Fetched) -> Applied:
    """Put the documents in place unless they are there already, and make the proxy read them.

    Raises:
        ProxyRefusedError: Its check or reload failed.
        CommandError: The files could not be written.
    """
    files = order.files
    changed = files.differ(fetched.contents)
    if changed:
        files.put(fetched.contents)
        _load(order, files)
        files.keep()
    return Applied(
        format=order.form,
        path=str(order.to),
        map=str(order.map) if order.map else None,
        revision=fetched.revision,
        changed=changed,
        issues=fetched.issues,
        without=fetched.without,
    )


def _load(order: Order, files: Files) -> None:
    """Check and reload with the new files in place, as the proxy itself would read them."""
    if said := run_program(order.check):
        files.restore()
        raise ProxyRefusedError(
            f"{order.form} refuses the new {order.to}; the old one is in place\n{said}",
            "mend what it names; the options of the document are given by --set KEY=VALUE",
        )
    if said := run_program(order.reload):
        files.restore()
        again = run_program(order.reload)
        outcome = f"\nwith the old file too:\n{again}" if again else "; reloaded with the old file"
        raise ProxyRefusedError(
            f"{order.form} could not be reloaded with the new {order.to}{outcome}\n{said}",
            "is it running? its own log tells more",
        )
