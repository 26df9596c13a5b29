"""The order of a list: by what the client names, and at last by what no two have in common.

The place of an item in it is what cursors hold: it stays right whatever comes or goes meanwhile.
Pure.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import total_ordering
from typing import Any, Generic, TypeVar

import msgspec

from web.problems import Problem, bad_parameter

Value = str | float | None  # what is sorted by; numbers are times and flags, too
Place = tuple[Any, ...]  # compares with other places of the same order

T = TypeVar("T")
MOST_KEYS = 5
LONGEST_CURSOR = 2000


class Listing(Generic[T]):
    """What a list can be sorted by.

    Args:
        keys: By the client's word for each: what it is of an item, None where it is not known.
        ties: What no two items have in common; it orders what is otherwise alike.
    """

    def __init__(
        self, keys: Mapping[str, Callable[[T], Value]], ties: Callable[[T], tuple[str | int, ...]]
    ) -> None:
        self.keys = keys
        self.ties = ties

    def order(self, sort: str | None) -> Order[T]:
        """The order that `sort` asks for: `cpu,-memory`; without it that of the ties.

        Raises:
            Problem: A word is not known here, or stands twice (400).
        """
        words = sort.split(",") if sort else []
        names = [word.strip().removeprefix("-") for word in words]
        for name in names:
            if name not in self.keys or names.count(name) > 1 or len(names) > MOST_KEYS:
                raise self._bad_sort(sort or "", name)
        down = [word.strip().startswith("-") for word in words]
        return Order(self, tuple(zip(names, down, strict=True)))

    def _bad_sort(self, sort: str, name: str) -> Problem:
        close = get_close_matches(name, self.keys, n=2)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        return Problem(
            "bad-parameter",
            f"Query parameter `sort` is {sort!r}; it must be up to {MOST_KEYS} different ones of "
            f"{', '.join(self.keys)}, each with a - in front for the most first.{hint}",
            parameter="sort",
            suggestions=close,
        )


class Order(Generic[T]):
    """One order of a list; `by` has the words, and whether the most comes first."""

    def __init__(self, listing: Listing[T], by: tuple[tuple[str, bool], ...]) -> None:
        self._listing = listing
        self.by = by

    @property
    def natural(self) -> bool:
        """Whether it is the order of the ties alone."""
        return not self.by

    def place(self, item: T) -> Place:
        """Where an item is."""
        return self._place(self._values(item), self._listing.ties(item))

    def write(self, item: T) -> str:
        """A cursor that stands right behind an item."""
        held = (self._name(), *self._values(item), *self._listing.ties(item))
        return urlsafe_b64encode(msgspec.json.encode(held)).decode().rstrip("=")

    def read(self, cursor: str) -> Place:
        """The place that a cursor stands at; one that was forged may compare with no other.

        Raises:
            Problem: It is none of ours, or was made for another order (400).
        """
        held = _decoded(cursor)
        if len(held) <= len(self.by) or held[0] != self._name():
            raise bad_parameter("cursor", cursor)
        return self._place(held[1 : 1 + len(self.by)], tuple(held[1 + len(self.by) :]))

    def _name(self) -> str:
        return ",".join(f"-{name}" if down else name for name, down in self.by)

    def _values(self, item: T) -> list[Value]:
        return [self._listing.keys[name](item) for name, _ in self.by]

    def _place(self, values: Sequence[Any], ties: tuple[Any, ...]) -> Place:
        ordered = [
            (value is None, 0 if value is None else _Down(value) if down else value)
            for value, (_, down) in zip(values, self.by, strict=True)
        ]
        return (*ordered, ties)


@total_ordering
class _Down:
    """A value that comes the sooner the greater it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and bool(self.value == other.value)

    def __lt__(self, other: _Down) -> bool:
        return bool(other.value < self.value)

    __hash__ = None  # type: ignore[assignment]  # only compared


def moment(time: datetime | None) -> Value:
    """A time as a number to sort by."""
    return None if time is None else time.timestamp()


def _decoded(cursor: str) -> list[Any]:
    if len(cursor) > LONGEST_CURSOR:
        return []
    try:
        text = b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        held = msgspec.json.decode(text, type=list[str | int | float | None])
    except (ValueError, Base64Error, msgspec.DecodeError):
        return []
    return held
