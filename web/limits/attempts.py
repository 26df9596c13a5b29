"""For who checks credentials: where a request comes from, and what became of its credentials."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from litestar.types import Scope

from web.limits.addresses import UNKNOWN
from web.limits.lockout import Lockouts
from web.request_head import head_of

_CLIENT = "client"  # in the scope's state: the client's address, without a port
_ATTEMPT = "attempt"
# No cookie: nobody guesses a session, and one that has ended is no attempt.
_CREDENTIALS = (b"authorization", b"sec-websocket-protocol")


class Attempt(NamedTuple):
    """Where attempts are counted, and a digest of the credentials that a request has."""

    lockouts: Lockouts
    credentials: bytes


def begin(scope: Scope, address: str, lockouts: Lockouts) -> Attempt:
    """Note on a request where it comes from, before anybody looks at its credentials."""
    head = head_of(scope)
    said = [b"\0".join(head.every(name)) for name in _CREDENTIALS]
    attempt = Attempt(lockouts, lockouts.digest(*said))
    cast("dict[str, Any]", scope).setdefault("state", {}).update(
        {_CLIENT: address, _ATTEMPT: attempt}
    )
    return attempt


def client_of(scope: Scope) -> str:
    """The address that a request comes from, by the word of trusted proxies too."""
    found: str = _state(scope).get(_CLIENT, UNKNOWN)
    return found


def failed(scope: Scope) -> None:
    """Its credentials were wrong. After some of these its client has to wait."""
    attempt = _state(scope).get(_ATTEMPT)
    if isinstance(attempt, Attempt):
        attempt.lockouts.failed(client_of(scope))


def succeeded(scope: Scope) -> None:
    """Its credentials were right: they are looked at even while its client has to wait."""
    attempt = _state(scope).get(_ATTEMPT)
    if isinstance(attempt, Attempt):
        attempt.lockouts.succeeded(client_of(scope), attempt.credentials)


def seconds_to_wait(scope: Scope, *credentials: bytes) -> float:
    """Seconds until credentials that came in a body may be looked at; 0: now."""
    attempt = _state(scope).get(_ATTEMPT)
    if not isinstance(attempt, Attempt):
        return 0.0
    lockouts = attempt.lockouts
    return lockouts.wait(client_of(scope), lockouts.digest(*credentials))


def succeeded_with(scope: Scope, *credentials: bytes) -> None:
    """As `succeeded`, for credentials that came in a body."""
    attempt = _state(scope).get(_ATTEMPT)
    if isinstance(attempt, Attempt):
        lockouts = attempt.lockouts
        lockouts.succeeded(client_of(scope), lockouts.digest(*credentials))


def _state(scope: Scope) -> dict[str, Any]:
    state: dict[str, Any] = cast("dict[str, Any]", scope).get("state") or {}
    return state
