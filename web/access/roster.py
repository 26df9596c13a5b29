"""What the web asks about the accounts of others: owned here, implemented elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from web.access.documents import Role, UserDocument
from web.documents import Document


class UserWanted(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to make; its password is set by a link."""

    name: str
    role: Role = "viewer"
    labels: tuple[str, ...] = ()


class UserChange(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of an account: `role` or `disabled`. A role without labels is of all hosts."""

    role: Role | None = None
    labels: tuple[str, ...] | None = None
    disabled: bool | None = None


class LastAdminError(Exception):
    """Nobody could log in as an admin any more; the message says who does it nevertheless."""


class Roster(Protocol):
    """Makes, lists, changes and removes accounts. `by` is who asks, and `address` from where.

    All methods raise `DeskClosedError` while the database is away. Those that are given a name
    return None where no account is called so.
    """

    async def users(self) -> Sequence[UserDocument]:
        """All of them, by name."""
        ...

    async def add(self, wanted: UserWanted, by: str, address: str) -> str:
        """Make one; returns the path of a link that sets its password.

        Raises:
            DeskRefusedError: It is not made.
        """
        ...

    async def change(
        self, name: str, change: UserChange, by: str, address: str
    ) -> UserDocument | None:
        """Change one. Its sessions end if it is disabled.

        Raises:
            DeskRefusedError: It is not changed.
            LastAdminError: It is the last admin who can log in.
        """
        ...

    async def remove(self, name: str, by: str, address: str) -> UserDocument | None:
        """Remove one with its sessions; returns what it was.

        Raises:
            LastAdminError: It is the last admin who can log in.
        """
        ...

    async def link(self, name: str, by: str, address: str) -> str | None:
        """The path of a link that sets the password of one, in place of earlier links."""
        ...

    async def log_out(self, name: str, by: str, address: str) -> int | None:
        """End all sessions of one; returns how many."""
        ...
