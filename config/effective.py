"""The configuration in force, key by key, for people to look at: what a secret could be stays out.

Of secrets there are only the paths of their files and the names of their variables. URLs lose the
user and what stands behind a `?`. Pure: no file is opened, no variable looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from config.diff import LIVE
from config.fields import Field, fields_of
from config.models import Config, ConnectionKind, Host
from config.problems import CREDENTIALS, SECRET, Key, dotted

HIDDEN = "(hidden)"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_UNITS = ("seconds", "days")
_FIXED = ("fleet", "access", "storage", "cache", "tracing")  # until the program starts anew
_OF_ALL = ("defaults.monitoring.", "defaults.retry.")
# Each is a row of its own, or no key of the file.
_OF_HOST = frozenset({"name", "enabled", "labels"})

Value = bool | int | float | str | list[str] | dict[str, str] | None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One key with its value in force.

    Attributes:
        key: Within its section, dotted.
        value: As JSON has it; None where there is none.
        unit: `seconds` or `days` of a time.
        is_default: The file does not say it.
        written: Where the file says it, which may be among the defaults of hosts.
        hidden: The value, or a part of it, is not shown, as it may be secret.
        waits: The file says another value, which a restart of the program puts in force.
        after_restart: That one.
    """

    key: str
    value: Value
    unit: str = ""
    is_default: bool = True
    written: str | None = None
    hidden: bool = False
    waits: bool = False
    after_restart: Value = None


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the file; each key that it may have."""

    name: str
    settings: tuple[Setting, ...]


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A host; `overrides` is what the file says of it, or of all hosts of its kind.

    What the file says of all hosts is among the sections.
    """

    name: str
    connection: ConnectionKind
    target: str
    enabled: bool
    labels: dict[str, str]
    overrides: tuple[Setting, ...]


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """All of a configuration."""

    sections: tuple[Section, ...]
    hosts: tuple[HostSettings, ...]
    routes: tuple[Section, ...]


def effective(config: Config, began: Config | None = None) -> Effective:
    """What is in force.

    Args:
        config: As it was loaded; without a file nothing is said to be written anywhere.
        began: What the program began with, where that is another one.
    """
    names = (*_FIXED, "revp")
    tables: list[tuple[Key, msgspec.Struct]] = [((name,), getattr(config, name)) for name in names]
    tables += [(("defaults", name), getattr(config, name)) for name in ("monitoring", "retry")]
    found = [section for key, model in tables for section in _sections(key, model, config.origins)]
    if began is not None:
        found = _in_force(found, effective(began).sections)
    return Effective(
        sections=tuple(found),
        hosts=tuple(_host(host, config.origins) for host in config.hosts.values()),
        routes=tuple(
            Section(
                name=f"{route.domain}{'' if route.path == '/' else route.path}",
                settings=tuple(_settings(("routes", number), route, config.origins)),
            )
            for number, route in enumerate(config.routes)
        ),
    )


def _sections(key: Key, model: msgspec.Struct, origins: Mapping[str, str]) -> Iterator[Section]:
    """A table, and after it those within it."""
    nested = {
        name: getattr(model, name) for name in fields_of(type(model)) if _is_table(model, name)
    }
    plain = [each for each in _settings(key, model, origins) if each.key not in nested]
    yield Section(name=dotted(key), settings=tuple(plain))
    for name, inner in nested.items():
        yield from _sections((*key, name), inner, origins)


def _in_force(read: list[Section], began: tuple[Section, ...]) -> list[Section]:
    """What was read, but with the values that the program began with where those stay."""
    before = {(section.name, each.key): each for section in began for each in section.settings}

    def one(section: Section, new: Setting) -> Setting:
        old = before.get((section.name, new.key), new)
        if (
            section.name.partition(".")[0] not in _FIXED
            or new.key in LIVE
            or (old.value, old.hidden) == (new.value, new.hidden)
        ):
            return new
        return msgspec.structs.replace(
            new,
            value=old.value,
            hidden=old.hidden or new.hidden,
            waits=True,
            after_restart=new.value,
        )

    return [
        Section(name=section.name, settings=tuple(one(section, each) for each in section.settings))
        for section in read
    ]


def _is_table(model: msgspec.Struct, name: str) -> bool:
    return isinstance(getattr(model, name), msgspec.Struct)


def _host(host: Host, origins: Mapping[str, str]) -> HostSettings:
    found = _deep(("hosts", host.name), host, origins)
    kind: ConnectionKind = host.__struct_config__.tag  # type: ignore[assignment] # as the models say
    return HostSettings(
        name=host.name,
        connection=kind,
        target=host.target,
        enabled=host.enabled,
        labels=dict(host.labels),
        overrides=tuple(
            each
            for each in found
            if each.written is not None
            and each.key not in _OF_HOST
            and not each.written.startswith(_OF_ALL)
        ),
    )


def _deep(
    key: Key, model: msgspec.Struct, origins: Mapping[str, str], prefix: str = ""
) -> Iterator[Setting]:
    """All settings of a table, those of tables within it by dotted names."""
    for each in _settings(key, model, origins):
        inner = getattr(model, each.key)
        if isinstance(inner, msgspec.Struct):
            yield from _deep((*key, each.key), inner, origins, f"{prefix}{each.key}.")
        else:
            yield msgspec.structs.replace(each, key=prefix + each.key)


def _settings(key: Key, model: msgspec.Struct, origins: Mapping[str, str]) -> Iterator[Setting]:
    for name, known in fields_of(type(model)).items():
        value, hidden = _shown(name, getattr(model, name), known)
        written = origins.get(dotted((*key, name)))
        yield Setting(
            key=name,
            value=value,
            unit=known.role if known.role in _UNITS else "",
            is_default=written is None,
            written=written,
            hidden=hidden,
        )


def _shown(name: str, value: Any, known: Field) -> tuple[Value, bool]:
    """A value as it may be seen, and whether something of it may not."""
    if value is None or isinstance(value, bool | int | float):
        return value, False
    if isinstance(value, msgspec.Struct):
        return None, False
    if isinstance(value, Path):  # of a secret's file as well: the path alone
        return str(value), False
    if known.role == "variable":
        # Lower case is no usual name: perhaps the secret itself stands here.
        return (value, False) if value.isupper() else (HIDDEN, True)
    if isinstance(value, Mapping):
        return _together(value.keys(), map(_shown_text, value.values()))
    if isinstance(value, tuple):
        found = [_shown_text(str(each)) for each in value]
        return [text for text, _ in found], any(hidden for _, hidden in found)
    return _shown_key(name, str(value))


def _together(keys: Any, values: Iterator[tuple[str, bool]]) -> tuple[dict[str, str], bool]:
    found = dict(zip(keys, values, strict=True))
    return {key: text for key, (text, _) in found.items()}, any(h for _, h in found.values())


def _shown_key(name: str, text: str) -> tuple[str, bool]:
    if SECRET.search(name) and _URL.match(text) is None:
        return HIDDEN, True
    return _shown_text(text)


def _shown_text(text: str) -> tuple[str, bool]:
    """A text without what only who connects needs: all of it where it cannot be told apart."""
    if _URL.match(text) is None:
        return (HIDDEN, True) if CREDENTIALS.search(text) else (text, False)
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN, True
    place = parts.netloc.rpartition("@")[2]
    plain = urlunsplit((parts.scheme, place, parts.path, "", ""))
    if "@" in plain:  # of a password with a slash that was not escaped
        return HIDDEN, True
    if not place and text.startswith(f"{parts.scheme}:///"):
        plain = f"{parts.scheme}://{parts.path}"
    return plain, plain != text
