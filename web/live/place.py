"""How far a reader got: a version of a ledger in one run of the program."""

from __future__ import annotations

import re

import msgspec

_PLACE = re.compile(r"([0-9]{1,18})-([0-9a-f]{1,16})")


class Resume(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reader left off, None for a new one, and whether a snapshot is wanted."""

    place: str | None = None
    snapshot: bool = True


def write_place(version: int, run: str) -> str:
    """`VERSION-RUN`."""
    return f"{version}-{run}"


def read_place(place: str, run: str) -> int | None:
    """The version of a place in this run, None for one of another run, and for rubbish."""
    match = _PLACE.fullmatch(place.strip())
    return int(match[1]) if match is not None and match[2] == run else None
