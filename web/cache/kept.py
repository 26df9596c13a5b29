"""Which answers are kept, for how long, under which key, and as which bytes. Pure."""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import parse_qsl

import msgspec
import zstandard

from web.access.model import Access

FORMAT = 1  # of what is kept; another one is not found
MOST_BYTES = 4 * 1024 * 1024  # of an answer that is kept
BIG = 1024  # bytes that are worth to be compressed


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that answers are given again, by what they tell of; 0: they are not kept.

    `stale`: how old an answer may be that is given while there is no other.
    """

    containers: float = 10.0
    stats: float = 2.0
    images: float = 300.0
    history: float = 30.0
    stale: float = 900.0


_KINDS = (
    ("containers", re.compile(r"/api/containers")),
    ("stats", re.compile(r"/api/containers/.+/stats")),
    ("images", re.compile(r"/api/images(/(?!.*/history).+)?")),
    ("history", re.compile(r"/api/(containers|hosts|images|metrics)/.+/(history|uptime)")),
    ("history", re.compile(r"/api/containers/.+/events")),
    ("history", re.compile(r"/api/metrics/(containers|total/history)")),
)


def lifetime(path: str, lifetimes: Lifetimes) -> float:
    """Seconds that an answer at this path is kept; 0 for not at all."""
    kind = next((kind for kind, pattern in _KINDS if pattern.fullmatch(path)), None)
    seconds: float = 0.0 if kind is None else getattr(lifetimes, kind)
    return seconds


class KeptAnswer(msgspec.Struct, frozen=True, array_like=True):
    """An answer of status 200. `made` is Unix time, `route` the router's word for its path."""

    made: float
    route: str
    media_type: str
    body: bytes

    def age(self, now: float) -> float:
        """Seconds since it was made, by clocks that may differ a little."""
        return max(0.0, now - self.made)


def key_of(prefix: str, source: str, path: str, query: bytes, access: Access | None) -> str:
    """Where an answer is kept: by what it is of, and by whom it may be seen.

    Args:
        prefix: Of all keys.
        source: Another for each database.
        path: As it was asked for.
        query: Likewise; the order of its parameters makes no difference.
        access: Who asks. Those of one role and scope see the same.
    """
    seen_by = None if access is None else (access.role, sorted(access.scope, key=str))
    asked = sorted(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    told = msgspec.json.encode((source, path, asked, seen_by))
    return f"{prefix}:answer:{FORMAT}:{blake2b(told, digest_size=20).hexdigest()}"


def pack(answer: KeptAnswer) -> bytes:
    """An answer as bytes."""
    plain = msgspec.msgpack.encode(answer)
    if len(plain) < BIG:
        return b"\0" + plain
    return b"\1" + zstandard.ZstdCompressor(level=1).compress(plain)


def unpack(data: bytes) -> KeptAnswer | None:
    """The answer, None for what is none of ours."""
    try:
        plain = data[1:]
        if data[:1] == b"\1":
            plain = zstandard.ZstdDecompressor().decompress(plain, max_output_size=2 * MOST_BYTES)
        return msgspec.msgpack.decode(plain, type=KeptAnswer)
    except (zstandard.ZstdError, msgspec.MsgspecError):
        return None
