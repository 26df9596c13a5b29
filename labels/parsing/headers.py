"""Reads headers that are set on requests: names and values that no document can break on."""

from __future__ import annotations

import re

from labels.parsing.findings import quoted
from labels.parsing.values import BadValueError

MOST_HEADERS = 32
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
# Visible ASCII with spaces between, but for what quotes, escapes or is replaced in some document.
VALUE = re.compile(r"(?=.{1,512}$)[!#&(-\[\]^_a-z|~]+(?: [!#&(-\[\]^_a-z|~]+)*")
# Of HTTP itself, and what proxies answer for: to set them would break requests, or smuggle some.
_FORBIDDEN = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def read_name(text: str) -> str:
    """A header's name as most write it: `X-Real-Ip`. `_` is `-`."""
    name = text.strip().replace("_", "-")
    if not NAME.fullmatch(name):
        raise BadValueError(f"{quoted(text)} is no name of a header")
    if name.lower() in _FORBIDDEN:
        raise BadValueError(f"{quoted(name)} belongs to HTTP itself and cannot be set")
    return "-".join(part.capitalize() for part in name.split("-"))


def read_value(text: str) -> str:
    """A header's value."""
    if VALUE.fullmatch(text):
        return text
    raise BadValueError(f"{quoted(text)} is no value that every proxy can set")


def read_pair(text: str) -> tuple[str, str]:
    """`NAME: VALUE`."""
    name, colon, value = text.partition(":")
    if not colon:
        raise BadValueError(f"{quoted(text)} has no : between name and value")
    return read_name(name), read_value(value.strip())
