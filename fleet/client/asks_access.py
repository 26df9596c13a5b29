"""Questions about tokens, accounts, the audit and who asks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from fleet.client.asking import Ask, Body, PageAsk, When
from fleet.client.asks_live import get, next_of
from web.access.documents import (
    AuditDocument,
    AuditEntryDocument,
    LinkDocument,
    LoggedOutDocument,
    NewTokenDocument,
    Role,
    SessionDocument,
    TokenDocument,
    TokensDocument,
    UserDocument,
    UsersDocument,
)

T = TypeVar("T")


def session() -> Ask[SessionDocument]:
    """Who asks, and what they may."""
    return get(SessionDocument, "/api/session")


def tokens(
    *, limit: int | None = None, cursor: str | None = None
) -> PageAsk[TokensDocument, TokenDocument]:
    """Tokens, never what proves them, for admins: all of them unless `limit` is given."""
    return PageAsk(
        template="/api/tokens",
        kind=TokensDocument,
        within={},
        query={"limit": limit, "cursor": cursor},
        items=lambda page: page.tokens,
        following=next_of,
    )


def make_token(
    name: str, *, role: Role = "viewer", labels: Sequence[str] = (), expires: str = "never"
) -> Ask[NewTokenDocument]:
    """Make a token, which is shown this once; for admins. `expires` is a length such as `90d`."""
    wanted = {"name": name, "role": role, "labels": list(labels), "expires": expires}
    return _change(NewTokenDocument, "POST", "/api/tokens", wanted=wanted)


def revoke_token(ref: str) -> Ask[TokenDocument]:
    """End a token, by its id or name; for admins."""
    return Ask(
        template="/api/tokens/{ref}",
        kind=TokenDocument,
        within={"ref": ref},
        query={},
        method="DELETE",
    )


def users(
    *, limit: int | None = None, cursor: str | None = None
) -> PageAsk[UsersDocument, UserDocument]:
    """Accounts, by name, for admins: all of them unless `limit` is given."""
    return PageAsk(
        template="/api/users",
        kind=UsersDocument,
        within={},
        query={"limit": limit, "cursor": cursor},
        items=lambda page: page.users,
        following=next_of,
    )


def make_user(name: str, *, role: Role = "viewer", labels: Sequence[str] = ()) -> Ask[LinkDocument]:
    """Make an account; its owner sets a password by the link that is answered. For admins."""
    wanted = {"name": name, "role": role, "labels": list(labels)}
    return _change(LinkDocument, "POST", "/api/users", wanted=wanted)


def change_user(
    name: str,
    *,
    role: Role | None = None,
    labels: Sequence[str] | None = None,
    disabled: bool | None = None,
) -> Ask[UserDocument]:
    """Set what an account may, with its labels, or whether it is disabled; for admins."""
    given = {"role": role, "labels": None if labels is None else list(labels), "disabled": disabled}
    wanted = {key: value for key, value in given.items() if value is not None}
    return _change(UserDocument, "PATCH", "/api/users/{name}", name, wanted)


def remove_user(name: str) -> Ask[UserDocument]:
    """Remove an account with its sessions; for admins."""
    return _change(UserDocument, "DELETE", "/api/users/{name}", name)


def user_link(name: str) -> Ask[LinkDocument]:
    """Make a link that sets the password of an account; for admins."""
    return _change(LinkDocument, "POST", "/api/users/{name}/link", name)


def log_out_user(name: str) -> Ask[LoggedOutDocument]:
    """End all sessions of an account; for admins."""
    return _change(LoggedOutDocument, "POST", "/api/users/{name}/logout", name)


def _change(
    kind: type[T], method: str, template: str, name: str | None = None, wanted: object = None
) -> Ask[T]:
    return Ask(
        template=template,
        kind=kind,
        within={} if name is None else {"name": name},
        query={},
        method=method,
        body=None if wanted is None else Body(data=msgspec.json.encode(wanted)),
    )


def audit(
    *,
    kind: str | None = None,
    who: str | None = None,
    address: str | None = None,
    since: When | None = None,
    before: When | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> PageAsk[AuditDocument, AuditEntryDocument]:
    """What was done with tokens and accounts, newest first; for admins."""
    query = {
        "kind": kind,
        "who": who,
        "address": address,
        "since": since,
        "before": before,
        "limit": limit,
        "cursor": cursor,
    }
    return PageAsk(
        template="/api/audit",
        kind=AuditDocument,
        within={},
        query=query,
        items=lambda page: page.entries,
        following=next_of,
    )
