"""Who asks is found out before the router, so that who may not read learns of no path."""

from __future__ import annotations

from typing import Any, cast

from litestar.types import HTTPScope, WebSocketScope

from web.access.cookies import session_cookie
from web.access.csrf import check_unsafe
from web.access.model import Access, Authority, Refusal, set_access
from web.limits import attempts
from web.problems import Problem
from web.request_head import head_of

CHALLENGE = {"www-authenticate": 'Bearer realm="fleet"'}
RETRY = {"retry-after": "5"}
_BEARER = "bearer"


class Admission:
    """Notes on each request who asks, or refuses it.

    Args:
        authority: Who knows tokens and sessions.
        is_open: What is answered to everyone, as methods and paths.
    """

    def __init__(self, authority: Authority, is_open: frozenset[tuple[str, str]]) -> None:
        self._authority = authority
        self._is_open = is_open

    async def admit(self, scope: HTTPScope | WebSocketScope, offered: str | None = None) -> None:
        """Find out who asks: by a token, a session, or as anyone.

        Where everyone is answered tokens are not looked at.

        Args:
            scope: Of the request; who asks is noted there.
            offered: A token that came by another way than the header.

        Raises:
            Problem: A token is wrong (401), even where none is needed; one is needed (401); or
                tokens cannot be known now (503); or a WebSocket with a session comes from elsewhere
                (403).
        """
        is_open = (_method(scope), scope["path"]) in self._is_open
        token = None if is_open else bearer(head_of(scope).first(b"authorization") or "") or offered
        if token is not None:
            set_access(scope, await self._by_token(token, scope))
            return
        access = await self._by_cookie(scope)
        if access is None:
            access = self._authority.anonymous()
        if access is None and not is_open:
            raise Problem(
                "token-required",
                "Send a token as `Authorization: Bearer TOKEN`; `fleet token create` makes one.",
                headers=CHALLENGE,
            )
        set_access(scope, access)

    async def _by_token(self, token: str, scope: HTTPScope | WebSocketScope) -> Access:
        found, address = await self._authority.by_token(token), address_of(scope)
        if isinstance(found, Access):
            self._authority.used(found, address)
            attempts.succeeded(scope)
            return found
        if found == "unknown":  # who has one that expired or was revoked guesses nothing
            attempts.failed(scope)
        raise self._refused(found, token, address)

    def _refused(self, why: Refusal, token: str, address: str) -> Problem:
        if why == "unavailable":
            return Problem(
                "access-unavailable",
                "The database is away since fleet started, so tokens are not known. Try again.",
                headers=RETRY,
            )
        self._authority.refused(why, token, address)
        return Problem(
            "token-required",
            "This token is not valid, or no longer: it is wrong, has expired or was revoked.",
            headers=CHALLENGE,
        )

    async def _by_cookie(self, scope: HTTPScope | WebSocketScope) -> Access | None:
        """Whose session it is; a cookie that is nobody's any more is no guess: it just ended."""
        cookie = session_cookie(scope)
        access = await self._authority.by_session(cookie) if cookie else None
        if access is not None and not _method(scope):
            check_unsafe(scope)  # a WebSocket: browsers open one for pages of any site
        return access


def bearer(header: str) -> str | None:
    """The token of an Authorization header; None where there is none, or it is for others."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == _BEARER else None


def address_of(scope: HTTPScope | WebSocketScope) -> str:
    """The client's address without its port; empty where it is not known."""
    client = scope.get("client")
    return client[0] if client else ""


def _method(scope: HTTPScope | WebSocketScope) -> str:
    """The method that is answered, empty for a WebSocket."""
    method: str = cast("dict[str, Any]", scope).get("method", "")
    return "GET" if method == "HEAD" else method
