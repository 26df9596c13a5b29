"""The id of a request: of the client if it gave one, else of its trace, else a new one."""

from __future__ import annotations

import os
import re

from structlog.contextvars import get_contextvars

from web.request_head import Head

HEADER = b"x-request-id"
KEY = "request_id"  # in the context of the log
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def request_id() -> str | None:
    """The id of the request that is being answered; None outside of one."""
    found = get_contextvars().get(KEY)
    return found if isinstance(found, str) else None


def chosen_id(head: Head) -> str:
    """The id that a client gives its request, or a new one.

    `X-Request-Id` is taken where it is up to 64 letters, digits, `.`, `_` and `-`, else the trace
    that a W3C `traceparent` names.
    """
    given = head.first(HEADER)
    if given and _SANE.fullmatch(given):
        return given
    parent = head.first(b"traceparent")
    if parent and (trace := _TRACEPARENT.fullmatch(parent)):
        return trace[1]
    return os.urandom(16).hex()
