"""The tables of the hosts: which model each one is, and what it takes from `[defaults.*]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from config.fields import Field, fields_of
from config.models import (
    ConnectionKind,
    Host,
    HostBase,
    LocalHost,
    Monitoring,
    Retry,
    SshHost,
    TcpHost,
)
from config.problems import Key, Problems, closest, shown
from config.tables import Reader, Table, merged, report_missing

KINDS: dict[str, type[Host]] = {
    str(model.__struct_config__.tag): model for model in (LocalHost, TcpHost, SshHost)
}
ALL = "*"
_ALL_HOSTS = {"monitoring": Monitoring, "retry": Retry}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class HostTable:
    """A host as far as it could be read; `model` is None when it does not say how to connect."""

    name: str
    model: type[Host] | None
    table: Table

    @property
    def enabled(self) -> bool:
        """Whether the host is to be watched."""
        return bool(self.table.values.get("enabled", True))

    def get(self, name: str) -> Any:
        """The value of a key, or what the model takes without one."""
        known = fields_of(self.model or HostBase)[name]
        return self.table.values.get(name, known.default)


def read_defaults(reader: Reader, raw: object) -> dict[str, Table]:
    """Read `[defaults.*]`: for each kind of connection what its hosts start from.

    What all hosts start from is there as `ALL`.
    """
    key: Key = ("defaults",)
    sections = raw if isinstance(raw, dict) else {}
    if not isinstance(raw, dict):
        reader.problems.add(key, f"found {shown(raw)}", "it should hold tables: [defaults.ssh]")
    for name in sections.keys() - _ALL_HOSTS.keys() - KINDS.keys():
        known = [*_ALL_HOSTS, *KINDS]
        _unknown_table(reader.problems, (*key, name), known)
    general = Table(key)
    for name, model in _ALL_HOSTS.items():
        if name in sections:
            general.origins[name] = (*key, name)
            general.values[name] = reader.table(sections[name], fields_of(model), (*key, name))
    defaults = {ALL: general}
    for kind, model in KINDS.items():
        own = _host_keys(reader, sections.get(kind, {}), model, (*key, kind))
        defaults[kind] = merged(own, general)
    return defaults


def read_hosts(reader: Reader, raw: object, defaults: Mapping[str, Table]) -> list[HostTable]:
    """Read `[hosts.*]` over the defaults."""
    if not isinstance(raw, dict):
        found = f"found {shown(raw)}"
        reader.problems.add(("hosts",), found, "each host is a table of its own: [hosts.NAME]")
        return []
    return [_host(reader, name, value, defaults) for name, value in raw.items()]


def _host(reader: Reader, name: str, raw: object, defaults: Mapping[str, Table]) -> HostTable:
    key = ("hosts", name)
    if not _NAME.fullmatch(name):
        right = "use up to 63 letters, digits, '.', '_' and '-', first a letter or digit"
        reader.problems.add(key, "not a usable name for a host", right)
    if not isinstance(raw, dict):
        right = f'it should be a table: [hosts.{name}] with connection = "ssh"'
        reader.problems.add(key, f"found {shown(raw)}", right)
        return HostTable(name, None, Table(key))
    dotted_names = [inner for inner, value in raw.items() if _is_host(inner, value)]
    for inner in dotted_names:
        right = f'a name with dots needs quotes: [hosts."{name}.{inner}"]'
        reader.problems.add((*key, inner), "found a host inside a host", right)
    raw = {inner: value for inner, value in raw.items() if inner not in dotted_names}
    if dotted_names and not raw:
        return HostTable(name, None, Table(key))
    kind, rest = _connection(reader.problems, key, raw)
    table = _host_keys(reader, rest, KINDS.get(kind or ""), key)
    if kind is None:
        return HostTable(name, None, table)
    table = merged(table, defaults[kind])
    table.values["name"] = name
    report_missing(table, KINDS[kind], reader.problems)
    return HostTable(name, KINDS[kind], table)


def _is_host(name: str, value: object) -> bool:
    return isinstance(value, dict) and "connection" in value and name not in _allowed(None)[0]


def _connection(
    problems: Problems, key: Key, raw: dict[str, Any]
) -> tuple[str | None, dict[str, Any]]:
    """How the host is reached, also when that is misspelt, and the keys that remain."""
    known = get_args(ConnectionKind)
    name = "connection" if "connection" in raw else closest_key(raw)
    expected = "one of " + ", ".join(f'"{kind}"' for kind in known)
    if name is None:
        problems.add((*key, "connection"), "missing", f"add connection: {expected}")
        return None, raw
    if name != "connection":
        problems.add((*key, name), "unknown key", suggestion="connection")
    value, rest = raw[name], {other: raw[other] for other in raw if other != name}
    if value in known:
        return value, rest
    meant = closest(value, known) if isinstance(value, str) else None
    problems.add((*key, name), f"found {shown(value)}", f"it should be {expected}", meant)
    return meant, rest


def closest_key(raw: dict[str, Any]) -> str | None:
    """The key that was probably meant to be `connection`."""
    return next((name for name in raw if closest(name, ["connection"])), None)


def _host_keys(reader: Reader, raw: object, model: type[Host] | None, key: Key) -> Table:
    allowed, elsewhere = _allowed(model)
    table = reader.table(raw, allowed, key, elsewhere)
    _fold_monitoring(table, reader.problems)
    return table


@cache
def _allowed(model: type[Host] | None) -> tuple[dict[str, Field], dict[str, str]]:
    """The keys of a host, those of its monitoring among them, and a word on other hosts' keys."""
    known = dict(fields_of(HostBase))
    elsewhere = {"name": "the name of a host is that of its table: [hosts.NAME]"}
    for kind, other in KINDS.items():
        for name, known_field in fields_of(other).items():
            if model in (None, other):
                known.setdefault(name, known_field)
            elif name not in fields_of(model or HostBase):
                elsewhere.setdefault(name, f'only hosts with connection = "{kind}" have it')
    known.pop("name")
    return {**known, **fields_of(Monitoring)}, elsewhere


def _fold_monitoring(table: Table, problems: Problems) -> None:
    """Move `stats_interval` and the like, given directly, to where the model has them."""
    flat = [name for name in fields_of(Monitoring) if name in table.origins]
    if not flat or "monitoring" in table.broken:
        return
    inner = table.values.setdefault("monitoring", Table((*table.key, "monitoring")))
    table.origins.setdefault("monitoring", table.origins[flat[0]])
    for name in flat:
        origin = table.origins.pop(name)
        if name in inner.origins:
            where = problems.where(inner.origins[name])
            problems.add(origin, "given twice", f"keep this one or {where}")
        inner.origins[name] = origin
        if name in table.broken:
            table.broken.discard(name)
            inner.broken.add(name)
        else:
            inner.values[name] = table.values.pop(name)


def _unknown_table(problems: Problems, key: Key, known: list[str]) -> None:
    meant = closest(str(key[-1]), known)
    right = "" if meant else "known here: " + ", ".join(known)
    problems.add(key, "unknown table", right, meant)
