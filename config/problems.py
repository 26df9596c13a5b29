"""Mistakes in a configuration file: collected, placed by line, and worded for people."""

from __future__ import annotations

import datetime as dt
import difflib
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

Key = tuple[str | int, ...]
"""Where a value stands: table and key names from the top, list positions as numbers."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN = 60  # characters of a value that a message repeats
SECRET = re.compile(r"pass|secret|token|url|proxies", re.IGNORECASE)
CREDENTIALS = re.compile(r"://.*@|\bpassword=", re.IGNORECASE | re.DOTALL)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake: where it is, what was found there, and what would be right."""

    key: str  # dotted, as in `hosts.edge-1.port`; empty when it concerns the file as a whole
    found: str
    right: str = ""
    suggestion: str | None = None  # the word that was probably meant
    line: int | None = None  # from 1
    column: int | None = None  # from 1, of syntax errors only

    def __str__(self) -> str:
        """The mistake on one line, without the name of the file."""
        column = f", column {self.column}" if self.column else ""
        place = f"line {self.line}{column}: " if self.line else ""
        key = f"{self.key}: " if self.key else ""
        right = f"; {self.right}" if self.right else ""
        meant = f'; did you mean "{self.suggestion}"?' if self.suggestion else ""
        return f"{place}{key}{self.found}{right}{meant}"


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds every mistake, in the file's order."""

    def __init__(self, problems: Iterable[Problem], path: Path | None = None) -> None:
        self.problems = tuple(problems)
        self.path = path
        super().__init__(self._text())

    def _text(self) -> str:
        name = str(self.path) if self.path else "the configuration"
        if len(self.problems) == 1:
            return f"{name}: {self.problems[0]}"
        lines = [f"{name}: {len(self.problems)} mistakes", *map(str, self.problems)]
        return "\n  ".join(lines)


class Problems:
    """Collects mistakes and warnings. The same mistake reached on two ways counts once."""

    def __init__(self, line: Callable[[Key], int | None]) -> None:
        self._line = line
        self._found: dict[tuple[str, str], Problem] = {}
        self._warnings: dict[str, None] = {}

    def add(self, key: Key, found: str, right: str = "", suggestion: str | None = None) -> None:
        """Record one mistake at `key`."""
        name = dotted(key)
        if (name, found) not in self._found:
            self._found[name, found] = Problem(
                key=name, found=found, right=right, suggestion=suggestion, line=self._line(key)
            )

    def warn(self, key: Key, text: str) -> None:
        """Record something that is allowed, but should stay before the operator's eyes."""
        self._warnings[f"{dotted(key)}: {text}"] = None

    def where(self, key: Key) -> str:
        """`hosts.a (line 7)`, to point from one mistake to another place of the file."""
        line = self._line(key)
        return dotted(key) + (f" (line {line})" if line else "")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every mistake so far, in the order of the file's lines."""
        return tuple(sorted(self._found.values(), key=lambda problem: problem.line or 0))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Every warning so far."""
        return tuple(self._warnings)


def dotted(key: Key) -> str:
    """A key as it could stand in the file: `hosts."db.lan".labels`, `environment_allow[1]`."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def shown(value: object, key: Key = ()) -> str:
    """What was found, shortened; only the kind of value where it, or its key, may hold a secret."""
    kind = _kind(value)
    secret = any(isinstance(part, str) and SECRET.search(part) for part in key[-2:])
    if kind in ("a table", "a list", "a date or time") or secret:
        return kind
    if isinstance(value, str) and CREDENTIALS.search(value):
        return "text with a user or password"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case dict():
            return "a table"
        case list():
            return "a list"
        case dt.date() | dt.time():
            return "a date or time"
        case _:
            return type(value).__name__


def closest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was probably meant to be."""
    plain = word.strip().lower().replace("-", "_")
    found = difflib.get_close_matches(plain, list(words), n=1, cutoff=0.6)
    return found[0] if found else None
