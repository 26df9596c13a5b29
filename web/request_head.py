"""The head of a request, taken apart once for all layers that look at it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from litestar.types import Scope

_KEY = "fleet.head"  # in the scope


class Head:
    """The headers of a request, by their names in lower case: servers hand them over so.

    Args:
        headers: As they came.
    """

    __slots__ = ("_all", "_first")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._all = list(headers)
        self._first = dict(reversed(self._all))

    def __contains__(self, name: bytes) -> bool:
        """Whether there is such a header."""
        return name in self._first

    def first(self, name: bytes) -> str | None:
        """The value of a header, of several the first; None where there is none."""
        found = self._first.get(name)
        return None if found is None else found.decode("latin-1")

    def every(self, name: bytes) -> list[bytes]:
        """The values of all headers of this name."""
        if name not in self._first:
            return []
        return [value for known, value in self._all if known == name]

    def joined(self, name: bytes) -> str:
        """The values of all headers of this name as one list, empty where there are none."""
        return b", ".join(self.every(name)).decode("latin-1") if name in self._first else ""


def head_of(scope: Scope) -> Head:
    """The head of a request or of a WebSocket's handshake."""
    noted = cast("dict[str, Any]", scope)
    found: Head | None = noted.get(_KEY)
    if found is None:
        found = noted[_KEY] = Head(noted["headers"])
    return found
