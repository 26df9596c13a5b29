"""What the web asks about tokens and the audit: owned here, implemented elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from web.access.documents import AuditEntryDocument, NewTokenDocument, Role, TokenDocument
from web.documents import Document

NEVER = "never"


class TokenWanted(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make: `expires` is a length of time such as `90d`, or `never`."""

    name: str
    role: Role = "viewer"
    labels: tuple[str, ...] = ()
    expires: str = NEVER


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted; None means any. `since` is inclusive, `before` exclusive.

    `behind` is an entry's time, kind, who and address, for those that come after it in the list.
    """

    kind: str | None = None
    who: str | None = None
    address: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    behind: tuple[datetime, str, str, str] | None = None


class DeskRefusedError(Exception):
    """What is asked for is not done; the message says why, and what would be.

    Attributes:
        taken: The name is another's.
    """

    def __init__(self, message: str, *, taken: bool = False) -> None:
        super().__init__(message)
        self.taken = taken


class DeskClosedError(Exception):
    """Tokens and audit cannot be reached now; the message says why."""


class Desk(Protocol):
    """Makes, lists and revokes tokens, and reads the audit.

    All methods raise `DeskClosedError` while the database is away.
    """

    async def tokens(self) -> Sequence[TokenDocument]:
        """All of them, the oldest first."""
        ...

    async def make(self, wanted: TokenWanted, by: str, address: str) -> NewTokenDocument:
        """Make one; `by` is who asks, and `address` from where.

        Raises:
            DeskRefusedError: It is not made.
        """
        ...

    async def revoke(self, ref: str, by: str, address: str) -> TokenDocument | None:
        """Revoke the one of this id or name; None if none is in use."""
        ...

    async def audit(self, wanted: AuditFilter, limit: int) -> Sequence[AuditEntryDocument]:
        """The newest entries that match, newest first."""
        ...
