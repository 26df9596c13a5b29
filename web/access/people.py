"""What the web asks about people: owned here, implemented elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from web.access.model import Access, Role

Fault = Literal["wrong", "slowed", "busy", "unavailable"]


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks to be let in: for the audit, and for the list of sessions.

    `cookie` is what proves the session that the browser has already, empty for none: it ends where
    a new one begins.
    """

    address: str
    agent: str
    cookie: str = ""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A session that has begun. `cookie` proves it, and is nowhere else from now on."""

    cookie: str
    access: Access
    expires: datetime


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One session of an account, for who owns it."""

    id: str
    created: datetime
    seen: datetime
    address: str
    agent: str


class OwnAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What one sees of one's account; the sessions are those last used first."""

    has_password: bool
    sessions: tuple[SessionFacts, ...]


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a provider vouches for.

    Attributes:
        issuer: The provider.
        subject: Who it is there, for ever.
        name: What to call them.
        role: What they may.
        by_groups: Whether their groups say so, each time anew; else it is for a new account.
    """

    issuer: str
    subject: str
    name: str
    role: Role
    by_groups: bool


class LoginRefusedError(Exception):
    """Nobody is let in.

    Attributes:
        fault: `wrong`: no such name and password, or a link or a role that does not let in;
            `slowed`: too many tried; `busy`: too many at once; `unavailable`: the database is away.
        wait: Seconds after which to try again, 0 where that changes nothing.
    """

    def __init__(self, fault: Fault, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.fault: Fault = fault
        self.wait = wait


class PasswordRefusedError(Exception):
    """A name or a password cannot be taken; the message says why, and never has the password."""


class People(Protocol):
    """Accounts and sessions. Each call but the last two may raise `LoginRefusedError`."""

    async def log_in(self, name: str, password: str, visitor: Visitor) -> Opened:
        """Begin a session; an unknown name takes as long as a wrong password."""
        ...

    async def let_in(self, person: Vouched, visitor: Visitor) -> Opened:
        """Begin a session of somebody whom a provider vouches for, with an account if need be."""
        ...

    async def log_out(self, visitor: Visitor) -> None:
        """End the session of the visitor's cookie."""
        ...

    async def log_out_others(self, access: Access, visitor: Visitor) -> int:
        """End all other sessions of the account; returns how many."""
        ...

    async def change_password(
        self, access: Access, current: str, password: str, visitor: Visitor
    ) -> None:
        """Set another password, which ends all other sessions.

        Raises:
            PasswordRefusedError: It cannot be taken, or the account has none here.
        """
        ...

    async def accept(self, secret: str, name: str, password: str, visitor: Visitor) -> Opened:
        """Use a one-time link: set the password, or make the first admin called `name`.

        Raises:
            PasswordRefusedError: The name or the password cannot be taken; the link still holds.
        """
        ...

    async def has_accounts(self) -> bool:
        """Whether there is any account."""
        ...

    def own(self, access: Access) -> OwnAccount:
        """The account of a session."""
        ...

    def noted(self, who: str, visitor: Visitor, detail: str) -> None:
        """Have the audit tell of a login that failed before it was known whose it is."""
        ...


class ProviderError(Exception):
    """A provider does not vouch for somebody, or cannot be asked.

    `away` tells the two apart. The message quotes nothing of what the provider said but its own
    word for an error. `noted` is what the audit has of it.
    """

    def __init__(
        self, message: str, *, away: bool = False, noted: str = "the provider does not vouch"
    ) -> None:
        super().__init__(message)
        self.away = away
        self.noted = noted


class Provider(Protocol):
    """Where people may log in instead (OpenID Connect)."""

    issuer: str

    async def authorize_url(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send a browser.

        Raises:
            ProviderError: It cannot be asked now.
        """
        ...

    async def claims(
        self, code: str, redirect: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """What it says about who comes back with this code, verified.

        Raises:
            ProviderError: It cannot be asked now, or what it says does not hold.
        """
        ...
