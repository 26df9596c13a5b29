"""Which encoding a client wants its answer in, and that encoding. Pure."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Literal

import zstandard

from web.exposition.negotiation import offers

Coding = Literal["zstd", "gzip"]

CODINGS: tuple[Coding, ...] = ("zstd", "gzip")  # of two that are liked as much, the first
SMALLEST = 1024  # bytes from which it pays
GZIP_LEVEL = 1  # a tenth of the size already; higher ones cost many times the CPU
ZSTD_LEVEL = 1
GZIP_WBITS = 31  # zlib's way of saying gzip
_TEXT = ("application/json", "application/yaml", "application/javascript", "image/svg+xml")


@lru_cache(maxsize=64)
def choose_coding(accept_encoding: str) -> Coding | None:
    """The best that an `Accept-Encoding` header takes, by its q-values; None for none.

    Who likes the plain bytes better gets those. Who says nothing, too.
    """
    found = {coding: quality for coding, _, quality in offers(accept_encoding)}
    rest = found.get("*", 0.0)
    liked = [(found.get(coding, rest), coding) for coding in CODINGS]
    best, coding = max(liked, key=lambda pair: pair[0])
    return coding if best > 0 and best >= found.get("identity", 0.0) else None


def is_text(media_type: str) -> bool:
    """Whether an answer of this media type gets shorter by compressing."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+yaml"))


def compress(body: bytes, coding: Coding) -> bytes:
    """The body in this encoding."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body)
    return zlib.compress(body, GZIP_LEVEL, wbits=GZIP_WBITS)
