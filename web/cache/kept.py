"""Which answers are kept, for how long, under which key, and as which bytes. Pure.

Where they are kept others may write, too: what comes from there is believed only as far as it can
be an answer of ours, to this very question.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from hashlib import blake2b

import msgspec
import zstandard

from web.access.model import Access

FORMAT = 2  # of what is kept; another one is not found
MOST_BYTES = 4 * 1024 * 1024  # of an answer that is kept
BIG = 1024  # bytes that are worth to be compressed
EARLY = 60.0  # seconds that the clock of who made an answer may be ahead

_MOST_PLAIN = 2 * MOST_BYTES  # of what is unpacked
_LONGEST = 8 * 1024  # characters of the words beside the body


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
    """An answer of status 200, in JSON.

    Attributes:
        key: Where it is kept: so what was mixed up on the way is never shown to somebody else.
        made: Unix time.
        route: The router's word for its path.
        link: Its `Link` header, empty for none.
        body: What it says.
    """

    key: str
    made: float
    route: str
    link: str
    body: bytes

    def age(self, now: float) -> float:
        """Seconds since it was made, by clocks that may differ a little."""
        return math.inf if self.made > now + EARLY else max(0.0, now - self.made)


def key_of(
    prefix: str, source: str, path: str, query: bytes, access: Access | None, hosts: Iterable[str]
) -> str:
    """Where an answer is kept: by what it is of, and by whom it may be seen.

    Args:
        prefix: Of all keys.
        source: Another for each database, and each version of the program.
        path: As it was asked for.
        query: Likewise; the order of its parameters makes no difference, but of those that stand
            more than once: answers may follow it.
        access: Who asks. Those of one role and scope see the same.
        hosts: The names of all hosts that they see now, where that is not all there are.
    """
    seen_by = None if access is None else (access.role, sorted(access.scope, key=str))
    asked = sorted(query.split(b"&"), key=lambda one: one.partition(b"=")[0])
    told = msgspec.json.encode((source, path, asked, seen_by, sorted(hosts)))
    return f"{prefix}:answer:{FORMAT}:{blake2b(told, digest_size=20).hexdigest()}"


def pack(answer: KeptAnswer) -> bytes:
    """An answer as bytes."""
    plain = msgspec.msgpack.encode(answer)
    if len(plain) < BIG:
        return b"\0" + plain
    return b"\1" + zstandard.ZstdCompressor(level=1).compress(plain)


def unpack(data: bytes, key: str) -> KeptAnswer | None:
    """The answer that is kept at this key, None for what is none of ours."""
    if len(data) > _MOST_PLAIN:
        return None
    try:
        plain = _decompressed(data[1:]) if data[:1] == b"\1" else data[1:]
        found = msgspec.msgpack.decode(plain, type=KeptAnswer)
    except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    is_ours = found.key == key and math.isfinite(found.made)
    return found if is_ours and all(map(_is_word, (found.route, found.link))) else None


def _decompressed(data: bytes) -> bytes:
    """What says that it is larger than any answer is never made: a few bytes can say that."""
    if not 0 <= zstandard.frame_content_size(data) <= _MOST_PLAIN:
        raise zstandard.ZstdError("larger than what is kept")
    return zstandard.ZstdDecompressor().decompress(data)


def _is_word(text: str) -> bool:
    """Whether it can stand in a header, and in a log."""
    return len(text) <= _LONGEST and text.isascii() and (not text or text.isprintable())
