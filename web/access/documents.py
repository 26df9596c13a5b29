"""What the API answers of tokens, sessions and the audit: the published documents, as elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from web.documents import Document, Page

Role = Literal["viewer", "operator", "admin"]
AccessKind = Literal["anonymous", "token", "session", "static"]


class TokenDocument(Document, frozen=True, kw_only=True):
    """One token, never what proves it. `used` is up to a minute old.

    `labels` are of hosts, KEY or KEY=VALUE, all of which a host must have to be seen; empty: all
    hosts.
    """

    id: str
    name: str
    role: Role
    labels: tuple[str, ...]
    created: datetime
    created_by: str
    expires: datetime | None
    revoked: datetime | None = None
    revoked_by: str | None = None
    used: datetime | None = None
    used_from: str | None = None


class TokensDocument(Document, frozen=True, kw_only=True):
    """`/api/tokens`: the oldest first, also those that ended, for a while; all unless cut."""

    tokens: tuple[TokenDocument, ...]
    page: Page | None = None


class NewTokenDocument(TokenDocument, frozen=True, kw_only=True):
    """A token that was made just now: `token` is shown this once, and kept nowhere."""

    token: str


class UserDocument(Document, frozen=True, kw_only=True):
    """One account; `issuer` is where it logs in, if elsewhere.

    `labels` are those that a host must have to be seen; none: all hosts. Without `has_password`
    and `issuer` nobody can log in with it yet.
    """

    name: str
    role: Role
    labels: tuple[str, ...]
    has_password: bool
    issuer: str | None
    created: datetime
    created_by: str
    disabled: datetime | None
    last_login: datetime | None


class UsersDocument(Document, frozen=True, kw_only=True):
    """`/api/users`: all accounts, by name, unless cut."""

    users: tuple[UserDocument, ...]
    page: Page | None = None


class LinkDocument(Document, frozen=True, kw_only=True):
    """A link that sets a password, once until it expires; it is shown this once."""

    name: str
    link: str
    expires: datetime


class LoggedOutDocument(Document, frozen=True, kw_only=True):
    """How many sessions of an account ended."""

    name: str
    sessions: int


class AuditEntryDocument(Document, frozen=True, kw_only=True):
    """What was done with tokens and accounts.

    `who` is a token's id or an account's name, empty where that is not known; `address` the
    client's, empty for a command on fleet's machine. Of what is counted there were `count`.
    """

    time: datetime
    kind: str
    who: str
    address: str
    detail: str
    count: int


class AuditPage(Document, frozen=True, kw_only=True):
    """How the audit was cut: it is not counted, as it may be long.

    `next`, sent as `cursor`, is the page of what was before; None on the last one.
    """

    limit: int
    next: str | None = None


class AuditDocument(Document, frozen=True, kw_only=True):
    """`/api/audit`: entries, newest first."""

    entries: tuple[AuditEntryDocument, ...]
    page: AuditPage | None = None


class SessionDocument(Document, frozen=True, kw_only=True):
    """Who asks, and what they may.

    Attributes:
        kind: How it is known who that is.
        name: Of the account or token.
        role: What they may; each role may do what those before it may.
        scope: Labels of hosts, KEY or KEY=VALUE, all of which a host must have to be seen; empty:
            all hosts.
        expires: When it ends by itself.
        csrf: What a change needs as the header X-CSRF-Token; of a session alone.
    """

    kind: AccessKind
    name: str
    role: Role
    scope: tuple[str, ...]
    expires: datetime | None
    csrf: str | None
