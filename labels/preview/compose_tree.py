"""Reads YAML as Compose means it: every scalar is text, and each value knows its place.

Nothing of a document is executed or made into objects. What it can make us do is bounded: by its
size, by how deep it goes, and by how many values it has once its aliases are followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import yaml

from labels.parsing.findings import quoted

MOST_BYTES = 1024 * 1024
MOST_VALUES = 50_000
MOST_DEPTH = 40
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class ComposeError(ValueError):
    """A Compose file cannot be read. `line` and `column` count from 1; 0: it is about all of it."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        where = f"line {line}, column {column}: " if line else ""
        super().__init__(f"{where}{message}")
        self.message = message
        self.line = line
        self.column = column


class Node(NamedTuple):
    """A value, and where it begins. Scalars are text; None: nothing is said."""

    value: dict[str, Node] | list[Node] | str | None
    line: int
    column: int

    def fields(self, name: str) -> dict[str, Node]:
        """Its fields, none if nothing is said.

        Raises:
            ComposeError: It has none.
        """
        if isinstance(self.value, dict):
            return self.value
        if self.value is None:
            return {}
        raise self.error(f"{name} should be a mapping")

    def items(self, name: str) -> list[Node]:
        """Its items, none if nothing is said.

        Raises:
            ComposeError: It is no list.
        """
        if isinstance(self.value, list):
            return self.value
        if self.value is None:
            return []
        raise self.error(f"{name} should be a list")

    def text(self, name: str) -> str:
        """Its text, empty if nothing is said.

        Raises:
            ComposeError: It is none.
        """
        if isinstance(self.value, str):
            return self.value
        if self.value is None:
            return ""
        raise self.error(f"{name} should be a text or a number")

    def error(self, message: str) -> ComposeError:
        """An error about this value."""
        return ComposeError(message, self.line, self.column)


def read_tree(text: str) -> Node:
    """The document in a text.

    Raises:
        ComposeError: It is no YAML, more than one document, or too much.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ComposeError("there are characters in it that no file can have") from error
    if size > MOST_BYTES:
        raise ComposeError(f"it has {size} bytes, more than {MOST_BYTES}")
    try:
        return _Builder(yaml.parse(text, Loader=_LOADER)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = error.problem or error.context or "it is no YAML"
        raise ComposeError(told, *((mark.line + 1, mark.column + 1) if mark else ())) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        raise ComposeError("there is a character that YAML does not allow", line, column) from error


class _Builder:
    """Makes nodes of events. An anchor is known once its value is whole, so nothing is endless."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._values = 0

    def document(self) -> Node:
        """The only document."""
        next(self._events)  # of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return Node(None, 1, 1)
        root = self._value(next(self._events), 0)
        next(self._events)  # the end of the document
        if isinstance(more := next(self._events), yaml.DocumentStartEvent):
            raise _error(more, "there is a second document; one is read")
        return root

    def _value(self, event: yaml.Event, depth: int) -> Node:
        before = self._values
        self._count(event, 1)
        if depth > MOST_DEPTH:
            raise _error(event, f"it goes deeper than {MOST_DEPTH} levels")
        match event:
            case yaml.AliasEvent():
                return self._known(event)
            case yaml.ScalarEvent():
                node = _node(event, _scalar(event))
            case yaml.SequenceStartEvent():
                node = _node(event, self._sequence(depth))
            case _:
                node = _node(event, self._mapping(depth))
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = (node, self._values - before)
        return node

    def _known(self, event: yaml.AliasEvent) -> Node:
        name = event.anchor or ""
        known = self._anchors.get(name)
        if known is None:
            raise _error(event, f"nothing before it is called {quoted(name)}")
        node, size = known
        self._count(event, size)
        return node

    def _count(self, event: yaml.Event, values: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise _error(event, f"there are more than {MOST_VALUES} values, with those of aliases")

    def _sequence(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._value(event, depth + 1)
            value = self._value(next(self._events), depth + 1)
            if key.value is None or isinstance(key.value, dict | list):
                raise key.error("a key should be a text")
            if key.value == "<<" and not getattr(event, "style", None):
                for each in value.value if isinstance(value.value, list) else [value]:
                    merged = each.fields("what is merged") | merged
            elif key.value in own:
                raise key.error(f"{quoted(key.value)} is there twice")
            else:
                own[key.value] = value
        return merged | own


def _scalar(event: yaml.ScalarEvent) -> str | None:
    plain = not event.style and event.tag is None
    if event.tag == "!reset" or (plain and event.value in _NULL):
        return None
    return event.value.encode(errors="replace").decode()  # an escape may make half a character


def _node(event: yaml.Event, value: dict[str, Node] | list[Node] | str | None) -> Node:
    return Node(value, *_place(event))


def _error(event: yaml.Event, message: str) -> ComposeError:
    return ComposeError(message, *_place(event))


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
