"""The static routes, `[[routes]]`: from tables of the file to models."""

from __future__ import annotations

from collections.abc import Sequence

from config.fields import fields_of
from config.models import Revp, Route
from config.problems import Key, shown
from config.tables import Reader, Table, built, report_missing

_KEY: Key = ("routes",)


def read_routes(reader: Reader, raw: object, revp: Table) -> list[Table]:
    """Read `[[routes]]`, each by itself. What they leave to `[revp]` is filled in from there."""
    if not isinstance(raw, list):
        found = f"found {shown(raw)}"
        reader.problems.add(_KEY, found, "each route is a table in a list: [[routes]]")
        return []
    return [_route(reader, each, (*_KEY, number), revp) for number, each in enumerate(raw)]


def built_routes(tables: Sequence[Table]) -> tuple[Route, ...]:
    """The models of tables without a mistake. Paths lose a `/` at their end."""
    for table in tables:
        for name in ("path", "strip_prefix"):
            if isinstance(text := table.values.get(name), str):
                table.values[name] = text.rstrip("/") or "/"
    return tuple(built(table, Route) for table in tables)


def _route(reader: Reader, raw: object, key: Key, revp: Table) -> Table:
    table = reader.table(raw, fields_of(Route), key)
    if isinstance(raw, dict):
        report_missing(table, Route, reader.problems)
    https, redirect = (
        revp.values.get(name, fields_of(Revp)[name].default) for name in ("https", "redirect_https")
    )
    table.values.setdefault("https", https)
    table.values.setdefault("redirect_https", redirect and table.values["https"])
    return table
