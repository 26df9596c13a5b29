"""Who asks is found out before the router, so that who may not read learns of no path."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from litestar.datastructures import MutableScopeHeaders
from litestar.types import HTTPScope, WebSocketScope

from web.access.model import Access, Authority, Refusal, set_access
from web.limits import attempts
from web.problems import Problem

COOKIES = ("__Host-fleet", "fleet")  # of a session: the first over TLS
CHALLENGE = {"www-authenticate": 'Bearer realm="fleet"'}
RETRY = {"retry-after": "5"}
_BEARER = "bearer"


class Admission:
    """Notes on each request who asks, or refuses it.

    Args:
        authority: Who knows tokens and sessions.
        open_paths: What is answered to everyone.
    """

    def __init__(self, authority: Authority, open_paths: frozenset[str]) -> None:
        self._authority = authority
        self._open_paths = open_paths

    async def admit(self, scope: HTTPScope | WebSocketScope, offered: str | None = None) -> None:
        """Find out who asks: by a token, a session, or as anyone.

        Where everyone is answered tokens are not looked at.

        Args:
            scope: Of the request; who asks is noted there.
            offered: A token that came by another way than the header.

        Raises:
            Problem: A token is wrong (401), even where none is needed; one is needed (401); or
                tokens cannot be known now (503).
        """
        headers = MutableScopeHeaders(scope)
        is_open = scope["path"] in self._open_paths
        token = None if is_open else bearer(headers.get("authorization", "")) or offered
        if token is not None:
            set_access(scope, await self._by_token(token, scope))
            return
        access = await self._by_cookie(headers.get("cookie", ""))
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

    async def _by_cookie(self, header: str) -> Access | None:
        for value in cookies(header):
            if (access := await self._authority.by_session(value)) is not None:
                return access
        return None


def bearer(header: str) -> str | None:
    """The token of an Authorization header; None where there is none, or it is for others."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == _BEARER else None


def cookies(header: str) -> list[str]:
    """What could prove a session, among all cookies."""
    if not any(name in header for name in COOKIES):
        return []
    try:
        found = SimpleCookie(header)
    except CookieError:
        return []
    return [found[name].value for name in COOKIES if name in found]


def address_of(scope: HTTPScope | WebSocketScope) -> str:
    """The client's address without its port; empty where it is not known."""
    client = scope.get("client")
    return client[0] if client else ""
