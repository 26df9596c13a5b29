"""What is published of a live fleet, by kind: each value is one document of JSON.

The values are the live ones, not those of the API: who serves makes the same answers of them, by
the same code. Another meaning of any of them needs another `storage.live.FORMAT`.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from fleet.mirror.hosts import MirroredHost
from fleet.model import Container, EngineEvent, HostSample, HostState, Image, Sample, Value
from labels.model import Change, Conflict, Issue, Route, RoutedContainer, Waiting
from labels.parsing.keys import Rules
from storage.live import Item, Key
from web.config_documents import EffectiveConfigDocument
from web.documents import ConfigDocument, RouteCountsDocument, StorageDocument


class About(Value, frozen=True, kw_only=True):
    """The supervisor itself."""

    started: datetime


class TableHead(Value, frozen=True, kw_only=True):
    """What a table of routes says besides its parts. `first`: changes up to it are not kept."""

    revision: int
    complete: bool
    missing: tuple[str, ...]
    first: int


class NumberedChange(Value, frozen=True, kw_only=True):
    """A change of a route, and its number among all of this run, from 1."""

    number: int
    change: Change


class Metric(Value, frozen=True, kw_only=True):
    """A metric of the supervisor itself, as lines of text."""

    name: str
    kind: str
    meaning: str
    lines: tuple[str, ...]


KINDS: dict[str, Any] = {
    "about": About,
    "config": ConfigDocument,
    "storage": StorageDocument,
    "effective": EffectiveConfigDocument,
    "counts": RouteCountsDocument,
    "metrics": tuple[Metric, ...],
    "host": MirroredHost,
    "state": HostState,
    "machine": HostSample,
    "container": Container,
    "sample": Sample,
    "image": Image,
    "event": EngineEvent,
    "rules": Rules,
    "table": TableHead,
    "route": Route,
    "conflict": Conflict,
    "waiting": tuple[Waiting, ...],
    "issues": tuple[Issue, ...],
    "routed": RoutedContainer,
    "change": NumberedChange,
}

_encoder = msgspec.json.Encoder()


def encode(key: Key, value: object | None) -> Item:
    """A value as it is published; None is that it is gone."""
    return Item(key, None if value is None else _encoder.encode(value))


def decode(item: Item) -> Any:
    """What a document says, None for what is gone; of a kind of a later release None, too.

    Raises:
        msgspec.MsgspecError: It is not what its kind is.
    """
    if item.document is None or item.key.kind not in KINDS:
        return None
    return _decoder(item.key.kind).decode(item.document)


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(KINDS[kind])
