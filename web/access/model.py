"""Who asks and what they may: what the gate, the guard and the handlers know of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol, cast

import anyio
import msgspec
from litestar.connection import ASGIConnection
from litestar.types import Scope

from web.access.documents import AccessKind as AccessKind
from web.access.documents import Role as Role

Refusal = Literal["unknown", "expired", "revoked", "unavailable"]
Label = tuple[str, str | None]

ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")  # each may do what those before it may
ROLE = "role"  # a handler's key of `opt`: the least role that it takes, `viewer` where it has none
OPEN = "open"  # in its place: answered to everyone, also to who may not read
AUDIT_KINDS = (
    "token-created",
    "token-revoked",
    "token-used",
    "token-refused",
    "locked-out",
    "login",
    "logout",
    "login-failed",
    "account-created",
    "account-changed",
    "account-disabled",
    "account-enabled",
    "account-removed",
    "password-changed",
    "link-created",
)  # all that the audit tells
WHOLE = (
    "whole"  # a handler's key of `opt`: it tells of the whole fleet, so who sees a part is refused
)
_STATE = "access"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, known once for each request.

    Attributes:
        kind: How it is known who that is: `static` is the token of the configuration.
        id: Of the token, or of the session (never what proves it); empty for the others.
        name: What the token is called, or the account's.
        role: What they may.
        scope: Labels of hosts, all of which a host must have to be seen; without a value any will
            do. Empty: all hosts.
        expires: When it ends by itself, None for never.
    """

    kind: AccessKind
    id: str = ""
    name: str = ""
    role: Role = "viewer"
    scope: tuple[Label, ...] = ()
    expires: datetime | None = None

    def may(self, least: Role) -> bool:
        """Whether they have this role, or one above it. Who sees only some hosts reads alone."""
        if self.scope and least != "viewer":
            return False
        return ROLES.index(self.role) >= ROLES.index(least)

    def sees(self, labels: Mapping[str, str]) -> bool:
        """Whether they see a host with these labels."""
        return all(
            key in labels and (value is None or labels[key] == value) for key, value in self.scope
        )


class Authority(Protocol):
    """Who knows the tokens and sessions: owned here, implemented elsewhere.

    All but the first two answer at once, from memory.
    """

    async def by_token(self, token: str) -> Access | Refusal:
        """Whose token this is (also the static one), or why it is nobody's any more.

        `unavailable`: it cannot be known now, as the database is away since the start.
        """
        ...

    async def by_session(self, cookie: str) -> Access | None:
        """Whose session this is, by the value of its cookie; None for nobody's."""
        ...

    def anonymous(self) -> Access | None:
        """What may be done without a token or a session; None: nothing is."""
        ...

    def lease(self, access: Access, scope: anyio.CancelScope) -> AbstractContextManager[None]:
        """For the length of the block: `scope` is cancelled once the access holds no more.

        That is when its token or session expires, is revoked or gets another role or scope.
        """
        ...

    def used(self, access: Access, address: str) -> None:
        """Somebody was let in: for the audit, and for when a token was last used."""
        ...

    def refused(self, why: Refusal, token: str, address: str) -> None:
        """A token was refused: for the audit, which never has the token, only its id if it has one.

        `address` is the client's, without its port.
        """
        ...


def set_access(scope: Scope, access: Access | None) -> None:
    """Note on a request who asks; None: nobody who may read."""
    cast("dict[str, Any]", scope).setdefault("state", {})[_STATE] = access


def access_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Access | None:
    """Who asks; None only where a handler is open to everyone, and nobody in particular asks."""
    found = cast("dict[str, Any]", connection.scope).get("state", {}).get(_STATE)
    assert found is None or isinstance(found, Access)  # noqa: S101 - set by the gate, narrows the type
    return found
