"""The static routes, `[[routes]]`: from tables of the file to models."""

from __future__ import annotations

from collections.abc import Sequence

from config.fields import fields_of
from config.models import Revp, Route
from config.problems import Key, shown
from config.tables import Reader, Table, built, report_missing

_KEY: Key = ("routes",)


def read_routes(reader: Reader, raw: object) -> list[Table]:
    """Read `[[routes]]`, each by itself."""
    if not isinstance(raw, list):
        found = f"found {shown(raw)}"
        reader.problems.add(_KEY, found, "each route is a table in a list: [[routes]]")
        return []
    tables = [reader.table(each, fields_of(Route), (*_KEY, n)) for n, each in enumerate(raw)]
    for each, table in zip(raw, tables, strict=True):
        if isinstance(each, dict):
            report_missing(table, Route, reader.problems)
    return tables


def built_routes(tables: Sequence[Table], revp: Revp) -> tuple[Route, ...]:
    """The models of tables without a mistake, with what they leave to `[revp]` filled in."""
    return tuple(_built(table, revp) for table in tables)


def _built(table: Table, revp: Revp) -> Route:
    values = table.values
    values.setdefault("https", revp.https)
    values.setdefault("redirect_https", revp.redirect_https and values["https"])
    for name in ("path", "strip_prefix"):
        if isinstance(text := values.get(name), str):
            values[name] = text.rstrip("/") or "/"
    return built(table, Route)
