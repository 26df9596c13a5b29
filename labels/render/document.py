"""What every renderer makes, and how it keeps what it made for routes that did not change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from labels.model import Issue, Route, Value

F = TypeVar("F")


class Rendered(Value, frozen=True, kw_only=True):
    """A document for a proxy, and what it could not express of the routes."""

    body: bytes
    media_type: str
    issues: tuple[Issue, ...] = ()


class Memo(Generic[F]):
    """The parts of a document by route: one is made anew only when its route is another value.

    A memo belongs to one renderer and one set of options.
    """

    def __init__(self) -> None:
        # By the route's identity, which no other can have while it is kept here.
        self._made: dict[int, tuple[Route, F]] = {}

    def parts(self, routes: Iterable[Route], make: Callable[[Route], F]) -> list[F]:
        """The part of each route, in the order of the routes."""
        known, self._made = self._made, {}
        for route in routes:
            made = known.get(id(route)) or (route, make(route))
            self._made[id(route)] = made
        return [part for _, part in self._made.values()]
