"""What a program that traces itself is told of: work as it begins and ends."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

_NOTHING = nullcontext()


class Watch(Protocol):
    """Told of a piece of work, for the length of a block; what is done in it belongs to it."""

    def __call__(
        self, work: str, facts: Mapping[str, str | int] | None = None, /
    ) -> AbstractContextManager[None]:
        """Begin. `work` is one of a few names, `facts` are attributes of this one."""
        ...


def unwatched(
    _work: str, _facts: Mapping[str, str | int] | None = None, /
) -> AbstractContextManager[None]:
    """Nobody is told."""
    return _NOTHING
