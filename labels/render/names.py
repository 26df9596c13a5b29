"""Names for what stands in a document: readable, and never the same for two routes."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from labels.model import Key

LONGEST: Final = 120
_OTHER = re.compile(r"[^A-Za-z0-9._-]")


def safe_name(key: Key) -> str:
    """A name of `[A-Za-z0-9._-]` for a route, at most `LONGEST` long: `shop.example__api__v1`.

    A `/` is `__`, any other character but letters, digits, `.` and `-` is `_` and its hexadecimal
    number; a path of `/` is left out. So keys and names are one to one, and a name with a suffix
    such as `_http`, which begins with `_` and no hexadecimal digit, is no other route's name. What
    is longer is cut and ends in a digest.
    """
    path = "" if key.path == "/" else key.path
    name = escape(key.domain + path)
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:24]
    return f"{name[: LONGEST - 27].rstrip('_')}_x_{digest}"


def escape(text: str) -> str:
    """The text in `[A-Za-z0-9._-]`; two texts are never the same."""
    # What is not rare is replaced without a pattern, which would take four times as long.
    usual = text.replace("_", "_5f").replace("/", "__").replace(":", "_3a")
    return _OTHER.sub(_escaped, usual)


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"_{byte:02x}" for byte in match.group().encode())
