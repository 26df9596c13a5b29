"""Work that is done in small steps, so that whoever does it can do other things in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Yields after each step, and returns what came of all."""


def finish(steps: Steps[T]) -> T:
    """Do all of it in one go."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found
