"""Questions about tokens, the audit and who asks; and what an operator may do. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fleet.client.asking import Ask, Body, PageAsk, When
from fleet.client.asks_live import get, next_of
from web.access.documents import (
    AuditDocument,
    AuditEntryDocument,
    NewTokenDocument,
    Role,
    SessionDocument,
    TokenDocument,
    TokensDocument,
)


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
    return Ask(
        template="/api/tokens",
        kind=NewTokenDocument,
        within={},
        query={},
        method="POST",
        body=Body(data=msgspec.json.encode(wanted)),
    )


def revoke_token(ref: str) -> Ask[TokenDocument]:
    """End a token, by its id or name; for admins."""
    return Ask(
        template="/api/tokens/{ref}",
        kind=TokenDocument,
        within={"ref": ref},
        query={},
        method="DELETE",
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
