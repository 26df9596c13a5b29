"""Tells RevP labels from others by their keys alone, and what each is about.

Keys are the same on many containers, so what was found is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from labels.parsing.headers import read_name
from labels.parsing.keys import HEADER, SPELLINGS, normalized
from labels.parsing.suggest import resembles
from labels.parsing.values import BadValueError

MOST_KEY = 200  # characters
_REMEMBERED = 4096
Kind = Literal["known", "unknown", "no-port", "bad-header", "too-long", "lookalike"]


class Spot(NamedTuple):
    """What a key is about.

    Attributes:
        kind: Whether we know it. `no-port`: what stands where a port should is none. `lookalike`:
            its prefix is nearly ours. `too-long`: it begins like ours.
        port: The port that it is about; 0: all of the container.
        name: The label's name, aliases resolved; of an unknown one as it is compared. Of a
            lookalike the key as it was meant.
        plain: The name is written as we write it, but for the case.
        exact: The key as a whole is.
        note: Why the name of a header is none; what stands where a port should.
    """

    kind: Kind
    port: int
    name: str
    plain: bool = True
    exact: bool = True
    note: str = ""


Spotter = Callable[[str], Spot | None]


@lru_cache(maxsize=8)
def spotter(prefix: str) -> Spotter:
    """What tells the labels of a prefix. None: it is someone else's."""
    ours = normalized(prefix).strip(".")
    start = f"{ours}."

    @lru_cache(maxsize=_REMEMBERED)  # keys are cut before they are asked for
    def spot(key: str) -> Spot | None:
        flat = normalized(key)
        if len(key) > MOST_KEY:
            return Spot("too-long", 0, "") if flat.startswith(start) else None
        if flat.startswith(start):
            return _ours(flat[len(start) :], key == flat)
        if flat == ours:
            return Spot("unknown", 0, "", exact=key == flat)
        return _lookalike(flat, ours)

    return spot


def spots(labels: Mapping[str, str], prefix: str) -> list[tuple[str, Spot]]:
    """The keys that are RevP's or look like it, in the order of the labels."""
    spot = spotter(prefix)
    found = []
    for key in labels:
        known = spot(key if len(key) <= MOST_KEY else key[: MOST_KEY + 1])
        if known is not None:
            found.append((key, known))
    return found


def _ours(rest: str, exact: bool) -> Spot:
    first, dot, behind = rest.partition(".")
    if dot and first.isascii() and first.isdigit():
        port = int(first) if len(first) <= 5 else 0
        if not 0 < port < 65536:
            return Spot("no-port", 0, SPELLINGS.get(behind, behind), note=first)
        return _named(behind, port, exact and first == str(port))
    named = _named(rest, 0, exact)
    if named.kind == "unknown" and dot and behind in SPELLINGS:
        return Spot("no-port", 0, SPELLINGS.get(behind, behind), note=first)
    return named


def _named(name: str, port: int, exact: bool) -> Spot:
    canonical = SPELLINGS.get(name)
    if canonical is not None and canonical != f"{HEADER}NAME":
        return Spot("known", port, canonical, plain=name == canonical, exact=exact)
    if name.startswith(HEADER):
        try:
            header = read_name(name.removeprefix(HEADER))
        except BadValueError as error:
            return Spot("bad-header", port, name, exact=exact, note=error.reason)
        return Spot("known", port, HEADER + header, exact=exact)
    return Spot("unknown", port, name, exact=exact)


def _lookalike(flat: str, ours: str) -> Spot | None:
    """Whether it ends like one of ours, and begins nearly so."""
    head, _, name = flat.rpartition(".")
    if name not in SPELLINGS:
        return None
    before, _, port = head.rpartition(".")
    behind = f".{name}"
    if port.isascii() and port.isdigit():
        head, behind = before, f".{port}.{name}"
    return Spot("lookalike", 0, ours + behind) if head and resembles(head, ours) else None
