"""Live state in the database: what it is made of, and how its changes are packed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import zstandard

CHANNEL = "fleet_live"  # of NOTIFY; what is said there is nothing but that there is news
FORMAT = 1  # of the documents; another one is not understood
KEPT_CHANGES = 120  # revisions that who serves may be behind without reading everything
LOCK = 0x666C6565_74000006  # held by who publishes

_MOST_BYTES = 1 << 30  # that changes may unpack to


class Key(NamedTuple):
    """What a document is of. `host` and `key` may be empty."""

    kind: str
    host: str
    key: str


class Item(NamedTuple):
    """A document, or None where it is gone."""

    key: Key
    document: bytes | None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Who publishes.

    Attributes:
        age: Seconds since its last sign of life, by the server's clock.
        held: It is connected, or another one is.
    """

    run: str
    format: int
    revision: int
    age: float
    held: bool


_Packed = list[tuple[str, str, str, bytes | None]]


def pack(items: Sequence[Item]) -> bytes:
    """Changes as one value."""
    flat = [(*item.key, item.document) for item in items]
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(flat))


def unpack(packed: bytes) -> list[Item]:
    """What `pack` made.

    Raises:
        ValueError: It is something else.
    """
    try:
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MOST_BYTES)
        found = msgspec.msgpack.decode(plain, type=_Packed)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise ValueError(f"these are no changes of live state: {error}") from error
    return [Item(Key(kind, host, key), document) for kind, host, key, document in found]
