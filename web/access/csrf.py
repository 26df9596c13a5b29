"""Requests that a browser sends with its cookie must be meant by a page of ours.

Two things must be right: where the request comes from, as the browser says, and a token that only
pages of ours can read. Who sends a bearer token needs neither: no browser adds that by itself.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from web.access.cookies import is_safe, session_cookie
from web.access.model import access_of
from web.problems import Problem

HEADER = "x-csrf-token"
FIELD = "csrf_token"
CHECK = "csrf"
"""A handler's key of `opt`: how it is told that a page of ours asks; by the header unless told."""
FORM = "form"  # it reads a form, and finds the token there (`forms.read_form`)
ORIGIN = "origin"  # it begins a session: there is no token yet, and who asks need not have one

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PORTS = {"http": 80, "https": 443}


def csrf_token(cookie: str) -> str:
    """The token of a session: made from what its cookie holds, which it does not give away."""
    return hmac.new(cookie.encode(), b"fleet csrf", hashlib.sha256).hexdigest()


def check_token(scope: Scope, given: str) -> None:
    """Check the token of a request with a session's cookie.

    Raises:
        Problem: It is not the one of the session (403).
    """
    right = csrf_token(session_cookie(scope))
    if not hmac.compare_digest(given.encode(errors="replace"), right.encode()):
        raise Problem(
            "csrf-token-required",
            "With a session each change needs its token: send `csrf` of GET /api/session as the "
            "header X-CSRF-Token. In a page: load it again.",
        )


def check_same_origin(scope: Scope) -> None:
    """Check that a browser's request comes from a page of this very server.

    Who says nothing of where it comes from is no browser: those all do.

    Raises:
        Problem: It comes from elsewhere (403).
    """
    headers = MutableScopeHeaders(scope)
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _elsewhere("a page of another site")
    said = headers.get("origin") or headers.get("referer")
    if said is None:
        return
    scheme, _, rest = said.partition("://")
    if scheme not in _PORTS or (scheme == "http" and is_safe(scope)):
        raise _elsewhere(repr(scheme))
    # A proxy that we do not know of may have ended the TLS: so it is the page's scheme that counts.
    found, asked = (_authority(scheme, each) for each in (rest, headers.get("host", "")))
    if found is None or found != asked:
        raise _elsewhere(f"a page of {rest.partition('/')[0]!r}")


def check_unsafe(scope: Scope) -> None:
    """`check_same_origin` for a request with a session's cookie, which must say its origin.

    Raises:
        Problem: It comes from elsewhere, or does not say from where (403).
    """
    headers = MutableScopeHeaders(scope)
    if not any(name in headers for name in ("origin", "referer", "sec-fetch-site")):
        raise _elsewhere("something that sends neither Origin nor Referer")
    check_same_origin(scope)


async def guard_csrf(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Litestar guard: a change that is asked for with a session must be meant.

    Raises:
        Problem: It may be another site's doing (403).
    """
    scope = connection.scope
    if cast("dict[str, Any]", scope).get("method") not in _UNSAFE:  # a WebSocket has none
        return
    check = handler.opt.get(CHECK)
    if check == ORIGIN:
        check_same_origin(scope)
        return
    access = access_of(connection)
    if access is None or access.kind != "session":
        return
    check_unsafe(scope)
    given = connection.headers.get(HEADER)
    if given is not None or check != FORM:
        check_token(scope, given or "")


def _elsewhere(what: str) -> Problem:
    return Problem(
        "wrong-origin",
        f"This was sent by {what}, and only pages of this server may. Behind a proxy: it has to "
        "pass on the Host header as it was asked for.",
    )


def _authority(scheme: str, text: str) -> tuple[str, int] | None:
    """The name and port before any path; without a port it is the scheme's."""
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return parts.hostname.removesuffix("."), port if port is not None else _PORTS[scheme]
