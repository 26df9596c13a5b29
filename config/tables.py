"""Tables of the file on their way to models: each value read by itself, layers merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config.fields import Field, fields_of
from config.problems import Key, Problems, closest, dotted, shown
from config.values import BadValueError, converted

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(slots=True)
class Table:
    """What could be read of one table.

    `values` holds converted values, of nested models a Table. `origins` says where each came
    from, which after a merge may be a table of defaults. `broken` names keys that were given, but
    wrongly, so that they are not reported as missing too.
    """

    key: Key
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Key] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def origin(self, name: str) -> Key:
        """Where the value of `name` was written, or would be."""
        return self.origins.get(name, (*self.key, name))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads tables, and reports what it cannot read."""

    problems: Problems
    base: Path  # the folder of the file, for relative paths

    def table(
        self,
        raw: object,
        allowed: Mapping[str, Field],
        key: Key,
        elsewhere: Mapping[str, str] | None = None,
    ) -> Table:
        """Read a table whose keys are the `allowed` ones.

        `elsewhere` explains keys that exist, but belong to some other table.
        """
        table = Table(key)
        if not isinstance(raw, dict):
            self.problems.add(key, f"found {shown(raw, key)}", "it should be a table")
            return table
        for name, value in raw.items():
            place = (*key, name)
            if (known := allowed.get(name)) is None:
                self._unknown(place, allowed, elsewhere or {})
                continue
            table.origins[name] = place
            try:
                table.values[name] = self._value(value, known, place)
            except BadValueError as problem:
                self._refused(place, value, known, str(problem))
                table.broken.add(name)
        self._both_ways(table)
        return table

    def _value(self, raw: object, known: Field, key: Key) -> Any:
        if known.struct is not None:
            return self.table(raw, fields_of(known.struct), key)
        if known.shape == "mapping" and isinstance(raw, dict):
            items = {name: self._item(value, known, (*key, name)) for name, value in raw.items()}
            return {name: value for name, value in items.items() if value is not None}
        if known.shape == "list" and isinstance(raw, list):
            listed = [self._item(value, known, (*key, i)) for i, value in enumerate(raw)]
            return tuple(value for value in listed if value is not None)
        if known.shape != "leaf":
            kind = "a table" if known.shape == "mapping" else "a list"
            raise BadValueError(f"it should be {kind} of {known.expected}")
        return converted(raw, known, self.base)

    def _item(self, raw: object, known: Field, key: Key) -> Any:
        try:
            return converted(raw, known, self.base)
        except BadValueError as problem:
            self._refused(key, raw, known, str(problem))
            return None

    def _refused(self, key: Key, raw: object, known: Field, why: str) -> None:
        meant = None
        if isinstance(raw, str) and known.expected.startswith("one of "):
            meant = closest(
                raw, known.expected.removeprefix("one of ").replace('"', "").split(", ")
            )
        right = why or f"it should be {known.expected}"
        self.problems.add(key, f"found {shown(raw, key)}", right, meant)

    def _unknown(
        self, key: Key, allowed: Mapping[str, Field], elsewhere: Mapping[str, str]
    ) -> None:
        name = str(key[-1])
        by_file, by_variable = f"{name}_file", f"{name}_env"
        if by_variable in allowed:
            right = f"secrets do not stand in this file: use {by_file} or {by_variable}"
            self.problems.add(key, "a secret in plain text", right)
        elif name in elsewhere:
            self.problems.add(key, "unknown key here", elsewhere[name])
        elif meant := by_file if by_file in allowed else closest(name, allowed):
            self.problems.add(key, "unknown key", suggestion=meant)
        else:
            self.problems.add(key, "unknown key", "known here: " + ", ".join(allowed))

    def _both_ways(self, table: Table) -> None:
        for name in table.origins:
            if (other := sibling(name)) in table.origins and name.endswith("_env"):
                found = f"given beside {other}"
                self.problems.add(table.origins[name], found, f"keep one: {other} or {name}")


def sibling(name: str) -> str | None:
    """The other way to give the same secret: `password_env` for `password_file`, and back."""
    if name.endswith("_file"):
        return name.removesuffix("_file") + "_env"
    return name.removesuffix("_env") + "_file" if name.endswith("_env") else None


def merged(over: Table, under: Table) -> Table:
    """`under` filled with and overridden by `over`; nested tables and mappings key by key."""
    result = Table(over.key, dict(over.values), {**under.origins, **over.origins}, set(over.broken))
    result.broken |= under.broken - over.origins.keys()
    for name, value in under.values.items():
        if name not in over.origins:
            if sibling(name) in over.origins:
                result.origins.pop(name, None)  # the host gives this secret in the other way
            else:
                result.values[name] = value
        elif isinstance(value, Table) and isinstance(mine := over.values.get(name), Table):
            result.values[name] = merged(mine, value)
        elif isinstance(value, dict) and isinstance(mine := over.values.get(name), dict):
            result.values[name] = {**value, **mine}
    return result


def origins_of(table: Table, key: Key) -> dict[str, str]:
    """Each key that was given, as what it is in force at `key`, and where it was written."""
    found: dict[str, str] = {}
    for name, value in table.values.items():
        place = (*key, name)
        if isinstance(value, Table):
            found |= origins_of(value, place)
        elif name in table.origins:
            found[dotted(place)] = dotted(table.origins[name])
    return found


def report_missing(table: Table, struct: type[msgspec.Struct], problems: Problems) -> None:
    """Report each required key that the table lacks."""
    for name, known in fields_of(struct).items():
        if known.required and name not in table.values and name not in table.broken:
            problems.add((*table.key, name), "missing", f"add {name}: {known.expected}")


def built(table: Table, struct: type[T]) -> T:
    """The model of a table that was read without a problem."""
    values = dict(table.values)
    for name, value in values.items():
        nested = fields_of(struct)[name].struct
        if nested is not None:
            values[name] = built(value, nested)
    return struct(**values)
