"""What outlives a restart: enough to serve what was last known while hosts cannot be reached."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from labels.facts import Facts, Place, StaticRoute
from labels.model import Route, Standing, Value
from labels.routing.lifecycle import Seen


class Stood(Value, frozen=True, kw_only=True):
    """How a member of one route stood, and since when."""

    domain: str
    path: str
    standing: Standing
    since: datetime


class Remembered(Value, frozen=True, kw_only=True):
    """One container with RevP labels, and none but these."""

    facts: Facts
    seen: Seen = Seen()
    stood: tuple[Stood, ...] = ()


class Snapshot(Value, frozen=True, kw_only=True):
    """A table of routes, to be encoded as JSON.

    Attributes:
        version: Of this form. Another one fails to decode, and is the caller's to refuse.
        revision: That of the table.
        saved: The last time that the table was told of.
        places: The hosts that were heard of.
        held: The routes held against mass removal.
        statics: The static routes: without them each start would tell of all as news.
    """

    version: Literal[1]
    revision: int
    saved: datetime | None = None
    places: tuple[Place, ...] = ()
    containers: tuple[Remembered, ...] = ()
    held: tuple[Route, ...] = ()
    statics: tuple[StaticRoute, ...] = ()
