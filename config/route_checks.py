"""Mistakes in `[revp]` and `[[routes]]` that no single value's type shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from config.addresses import canonical, fault_in_domain
from config.checks import well_formed
from config.fields import fields_of
from config.models import Route
from config.problems import Problems, shown
from config.tables import Table
from config.urls import Backend, split_backend

# What every proxy takes for the same path: as of labels.
PATH = re.compile(r"/|(?:/[A-Za-z0-9._~@:+=,-]+)+")
LONGEST_PATH = 255
_PREFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")

# Of the routes of one domain and path, what each may have for itself.
_OWN = frozenset({"domain", "path", "backend_url", "weight"})


def check_revp(table: Table, problems: Problems) -> None:
    """Check `[revp]`: the labels' prefix."""
    well_formed(table, "prefix", _fault_in_prefix, problems)


def check_routes(tables: Sequence[Table], problems: Problems) -> None:
    """Check `[[routes]]`: each by itself, and those that want the same domain and path."""
    for table in tables:
        well_formed(table, "domain", fault_in_domain, problems)
        well_formed(table, "path", _fault_in_path, problems)
        _check_backend(table, problems)
        _check_strip(table, problems)
        _check_redirect(table, problems)
    _check_pools(tables, problems)


def _fault_in_prefix(text: str) -> str | None:
    if _PREFIX.fullmatch(text):
        return None
    return (
        'it should be like "snadboy.revp": letters, digits, ".", "-", "_", "/", no dot at its end'
    )


def _fault_in_path(text: str) -> str | None:
    if "?" in text or "#" in text:
        return "it should be the path alone, without ? or #"
    if "//" in text:
        return "it should have one / at a time"
    if {".", ".."} & set(text.split("/")):
        return "it should be without . and .. as parts"
    if len(text) > LONGEST_PATH:
        return f"it should have at most {LONGEST_PATH} characters"
    plain = PATH.fullmatch(_plain(text) or "/")
    return None if plain else 'it should be like "/api": letters, digits and "._~@:+=,-"'


def _check_redirect(table: Table, problems: Problems) -> None:
    values = table.values
    if "redirect_https" in table.origins and values.get("redirect_https") and not values["https"]:
        right = "there is nothing to redirect to: remove it, or set https = true"
        problems.add(table.origin("redirect_https"), "given for a route without https", right)


def _check_strip(table: Table, problems: Problems) -> None:
    strip, path = table.values.get("strip_prefix"), table.values.get("path", "/")
    if not isinstance(strip, str):
        return
    if right := _fault_in_path(strip):
        problems.add(table.origin("strip_prefix"), f"found {shown(strip)}", right)
    elif not _one_begins_the_other(f"{_plain(strip)}/", f"{_plain(path)}/"):
        right = f"no request of the path {path} begins with it: true takes off the path itself"
        problems.add(table.origin("strip_prefix"), f"found {shown(strip)}", right)


def _check_backend(table: Table, problems: Problems) -> None:
    url = table.values.get("backend_url")
    if url is None:
        return
    key = table.origin("backend_url")
    try:
        backend = split_backend(url)
    except ValueError as error:
        right = 'it should be like "http://10.0.0.5:8080" or "https://[fd00::5]"'
        problems.add(key, f"found {error}", right)
        return
    if table.values.get("insecure_skip_verify") is True and backend.scheme == "http":
        right = "plain http has no certificate to verify: remove it, or use https://"
        found = "given for a backend_url of http://"
        problems.add(table.origin("insecure_skip_verify"), found, right)


def _check_pools(tables: Sequence[Table], problems: Problems) -> None:
    """Routes of one domain and path are a pool: of equal terms, and each backend once."""
    first: dict[tuple[str, str], Table] = {}
    backends: dict[tuple[str, str, str, int], Table] = {}
    for table in tables:
        place, backend = _place(table), _backend(table)
        if place is None or backend is None or table.broken:
            continue
        leader = first.setdefault(place, table)
        where = problems.where(leader.key)
        if differs := _differing(leader, table):
            found = f"the domain and path of {where}, on other terms: {', '.join(differs)}"
            right = "make them equal for one pool of both, or change domain or path"
            problems.add((*table.key, "domain"), found, right)
        same = backends.setdefault((*place, canonical(backend.address), backend.port), table)
        if same is not table:
            found = f"the same backend as {problems.where(same.key)}"
            problems.add(table.origin("backend_url"), found, "remove one; weight gives it more")


def _place(table: Table) -> tuple[str, str] | None:
    domain, path = table.values.get("domain"), table.values.get("path", "/")
    return None if domain is None else (canonical(domain), _plain(path))


def _backend(table: Table) -> Backend | None:
    try:
        return split_backend(table.values["backend_url"])
    except (KeyError, ValueError):
        return None


def _differing(one: Table, other: Table) -> list[str]:
    """The names of the settings that two routes of one pool do not share."""
    names = [name for name in fields_of(Route) if name not in _OWN]
    differs = [name for name in names if _term(one, name) != _term(other, name)]
    schemes = {backend.scheme for backend in (_backend(one), _backend(other)) if backend}
    return [*differs, *(["the scheme of backend_url"] if len(schemes) > 1 else [])]


def _term(table: Table, name: str) -> Any:
    """What a route says of `name`, in one form for each meaning."""
    value = table.values.get(name, fields_of(Route)[name].default)
    if name != "strip_prefix":
        return value
    return _plain(table.values.get("path", "/") if value is True else value or "")


def _one_begins_the_other(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _plain(path: str) -> str:
    return path.rstrip("/")
