"""Paths whose segments may hold an encoded slash."""

from __future__ import annotations

from urllib.parse import unquote

_ENCODED = "%2F"


def routable(path: str, raw_path: bytes) -> str:
    """The decoded path with encoded slashes left encoded, so that they part no segments.

    ASGI servers decode the whole path at once, which would turn `web%2Fdb` into two segments.
    """
    if b"%2f" not in raw_path.lower():
        return path
    segments = raw_path.decode("ascii", "replace").split("/")
    return "/".join(unquote(segment).replace("/", _ENCODED) for segment in segments)


def segment(text: str) -> str:
    """A segment of a `routable` path as it was meant; no Docker name holds a percent sign."""
    return text.replace(_ENCODED, "/")
