"""On which line of a TOML file a key stands, which tomllib does not tell.

The scanner is not a parser: the text has usually passed tomllib before. On anything it does not
understand it goes on with the next line, so that a key without a line of its own still gets its
table's.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

from config.problems import Key

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE = re.compile(r"[^\s=.\[\]{}\"'#,]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL
)
_SCALAR = re.compile(r"[^,\[\]{}#\r\n]+")


class Positions:
    """Lines by key. `duplicates` are keys given twice: the key, its first line, its second."""

    def __init__(self) -> None:
        self._lines: dict[Key, int] = {}
        self._explicit: set[Key] = set()
        self.duplicates: list[tuple[Key, int, int]] = []

    def line(self, key: Key) -> int | None:
        """The line of `key`, or of the nearest table around it; None if that is the file."""
        for length in range(len(key), 0, -1):
            if (line := self._lines.get(key[:length])) is not None:
                return line
        return None

    def note(self, key: Key, line: int, *, explicit: bool = True) -> None:
        """Remember where `key` stands; its parents stand there too unless they have a line."""
        for length in range(1, len(key)):
            self._lines.setdefault(key[:length], line)
        if not explicit:
            self._lines.setdefault(key, line)
        elif key in self._explicit:
            self.duplicates.append((key, self._lines[key], line))
        else:
            self._lines[key] = line
            self._explicit.add(key)


def scan(text: str) -> Positions:
    """Find the line of every key of a TOML text, also of one that is not quite TOML."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.found


class _OddError(Exception):
    """Something that is not TOML, or not TOML as known here."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.found = Positions()
        self._text = text
        self._at = 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._arrays: dict[Key, int] = {}

    def document(self) -> None:
        table: Key = ()
        while self._skip(_GAP) < len(self._text):
            try:
                if self._text[self._at] == "[":
                    table = self._header()
                else:
                    self._assignment(table)
            except (_OddError, RecursionError):
                pass  # the keys of this line keep their table's line
            self._at = self._end_of_line()

    def _line(self) -> int:
        return bisect_right(self._newlines, self._at - 1) + 1

    def _end_of_line(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end + 1

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _OddError
        self._at = match.end()
        return match.group()

    def _next_is(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _header(self) -> Key:
        line = self._line()
        self._at += 1
        array = self._next_is("[")
        *parents, last = self._key()
        table: Key = ()
        for part in parents:
            table = self._within((*table, part))
        table = (*table, last)
        if array:
            self.found.note(table, line, explicit=False)
            self._arrays[table] = self._arrays.get(table, 0) + 1
            table = self._within(table)
        self.found.note(table, line)
        return table

    def _within(self, key: Key) -> Key:
        """Of an array of tables, what follows belongs to the last one."""
        return (*key, self._arrays[key] - 1) if key in self._arrays else key

    def _assignment(self, table: Key) -> None:
        line = self._line()
        key = (*table, *self._key())
        if not self._next_is("="):
            raise _OddError
        self.found.note(key, line)
        self._value(key)

    def _key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._skip(_SPACE)
            quoted = self._at < len(self._text) and self._text[self._at] in "\"'"
            part = self._take(_STRING if quoted else _BARE)
            parts.append(_unquoted(part) if quoted else part)
            self._skip(_SPACE)
            if not self._next_is("."):
                return tuple(parts)

    def _value(self, key: Key) -> None:
        self._skip(_SPACE)
        if self._next_is("["):
            self._items(key)
        elif self._next_is("{"):
            self._pairs(key)
        elif self._at < len(self._text) and self._text[self._at] in "\"'":
            self._take(_STRING)
        else:
            self._take(_SCALAR)

    def _items(self, key: Key) -> None:
        index = 0
        while self._skip(_GAP) < len(self._text) and not self._next_is("]"):
            self.found.note((*key, index), self._line())
            self._value((*key, index))
            self._skip(_GAP)
            self._next_is(",")
            index += 1

    def _pairs(self, key: Key) -> None:
        while self._skip(_GAP) < len(self._text) and not self._next_is("}"):
            self._assignment(key)
            self._skip(_GAP)
            self._next_is(",")


def _unquoted(text: str) -> str:
    """A quoted key's name; the rare ones with escapes are decoded by tomllib itself."""
    if "\\" not in text:
        return text[1:-1]
    try:
        return next(iter(tomllib.loads(f"{text} = 0")))
    except tomllib.TOMLDecodeError as error:
        raise _OddError from error
