"""Paths whose segments may hold an encoded slash."""

from __future__ import annotations

from urllib.parse import unquote

_ENCODED = "%2F"
_NAMED = "%"  # before a word of ours that is meant as a name
_CONTAINERS = ["", "api", "containers"]


def routable(path: str, raw_path: bytes) -> str:
    """The decoded path as the router can tell its segments apart.

    - ASGI servers decode the whole path at once, which would turn `web%2Fdb` into two segments:
      an encoded slash is left encoded.
    - `/api/containers/HOST/stats/...` could be of the container called `stats`: where it must be,
      as no other path goes on like that, the word is marked to be a name.
    """
    if b"%2f" in raw_path.lower():
        parts = raw_path.decode("ascii", "replace").split("/")
        path = "/".join(unquote(part).replace("/", _ENCODED) for part in parts)
    segments = path.split("/")
    if segments[:3] == _CONTAINERS and segments[4:5] == ["stats"]:
        following = segments[5:]
        if following and following != ["history"]:
            segments[4] = _NAMED + segments[4]
            return "/".join(segments)
    return path


def segment(text: str) -> str:
    """A segment of a `routable` path as it was meant; no Docker name holds a percent sign."""
    return text.replace(_ENCODED, "/").removeprefix(_NAMED)


def shown(path: str) -> str:
    """A `routable` path as it was asked for."""
    return path.replace(f"/{_NAMED}stats/", "/stats/")
