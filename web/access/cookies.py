"""The cookies of a browser: what they are called, and how they are set and taken back."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from litestar.types import Scope

from web.request_head import head_of

_SAFE = "__Host-"  # browsers take such a one over TLS alone, for this very name, from nobody else
SESSION = "fleet_session"
SESSION_SAFE = "__Host-fleet"
ELSEWHERE = "fleet_elsewhere"  # while somebody logs in at a provider
MOST_BYTES = 8 * 1024  # of all cookies: more is not looked at


def is_safe(scope: Scope) -> bool:
    """Whether the request came by TLS, as far as is known: here, or at a trusted proxy."""
    return scope["scheme"] in ("https", "wss")


def session_name(scope: Scope) -> str:
    """What the cookie of a session is called here."""
    return SESSION_SAFE if is_safe(scope) else SESSION


def elsewhere_name(scope: Scope) -> str:
    """What the cookie of who is at a provider is called here."""
    return f"{_SAFE}{ELSEWHERE}" if is_safe(scope) else ELSEWHERE


def cookie(scope: Scope, name: str) -> str:
    """The value of a cookie, empty where there is none."""
    header = b"; ".join(head_of(scope).every(b"cookie")).decode("latin-1")
    if name not in header or len(header) > MOST_BYTES:
        return ""
    try:
        found = SimpleCookie(header)
    except CookieError:
        return ""
    return found[name].value if name in found else ""


def session_cookie(scope: Scope) -> str:
    """What proves the session of this request, empty where there is none.

    Over TLS only the cookie that cannot have been set without it is looked at.
    """
    return cookie(scope, session_name(scope))


def set_cookie(scope: Scope, name: str, value: str, seconds: int) -> str:
    """A Set-Cookie header; scripts never see it, and other sites' forms do not send it."""
    secure = "; Secure" if is_safe(scope) else ""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def drop_cookie(scope: Scope, name: str) -> str:
    """A Set-Cookie header that takes a cookie back."""
    return set_cookie(scope, name, "", 0)
