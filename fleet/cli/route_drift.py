"""How a proxy's drift from the table of routes looks."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.cli.route_issues import indented
from fleet.cli.route_tables import address, counted
from fleet.cli.table import Cell, Column, Table, Tone, cell
from labels.drift.comparing import ProxyKind
from web.route_documents import DriftDocument, ServedDocument

TONES: dict[str, Tone] = {"missing": "bad", "extra": "warn", "different": "bad"}
_ASKS = "it asks fleet every few seconds: look again; if nothing changes, its log says why"
_NEXT: dict[ProxyKind, str] = {
    "caddy": _ASKS,
    "traefik": _ASKS,
    "haproxy": "does `fleet routes apply haproxy --follow` run? what was set over the runtime API "
    "stays until HAProxy is reloaded",
}


def drift_table(found: DriftDocument) -> Table:
    """One row a route that is not as it should be, by domain and path."""
    columns = (
        Column("DRIFT"),
        Column("ROUTE", least=16),
        Column("THE PROXY HAS", least=15),
        Column("IT SHOULD HAVE", least=15),
    )
    rows = sorted(_differences(found), key=lambda row: (row[1], row[2]))
    return Table(
        columns,
        [
            [
                cell(what, TONES[what]),
                cell(address(domain, path), "strong"),
                cell(_backends(has)),
                cell(_backends(wanted)),
            ]
            for what, domain, path, has, wanted in rows
        ],
    )


def _differences(
    found: DriftDocument,
) -> Iterator[tuple[str, str, str, ServedDocument | None, ServedDocument | None]]:
    for route in found.missing:
        yield "missing", route.domain, route.path, None, route
    for route in found.extra:
        yield "extra", route.domain, route.path, route, None
    for each in found.different:
        yield "different", each.domain, each.path, each.found, each.wanted


def _backends(route: ServedDocument | None) -> str | None:
    """Nothing where there is no route; a route without a backend that gets requests is one."""
    if route is None:
        return None
    scheme = "https to " if route.scheme == "https" else ""
    return scheme + ", ".join(route.endpoints) if route.endpoints else "no backend"


def drift_lines(found: DriftDocument) -> Iterator[Cell]:
    """How much is as it should be."""
    amiss = len(found.missing) + len(found.extra) + len(found.different)
    if found.skipped:
        what = counted(found.skipped, "thing")
        yield cell(f"besides: {what} that fleet did not make; nothing compares them", "dim")
    told = f"{counted(amiss, 'route')} astray" if found.drifted else "as it should be"
    text = f"{found.proxy} at {found.url}: {told}, {found.same} right (revision {found.revision})"
    yield cell(text, "bad" if found.drifted else "good")
    if found.drifted:
        yield from indented(f"next: {_NEXT[found.proxy]}", "  ", hang=6)
