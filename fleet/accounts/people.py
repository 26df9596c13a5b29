"""Lets people in: by password, by a one-time link, or because a provider vouches for them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

import anyio
import msgspec

from fleet.access.keeper import Started
from fleet.accounts.audit import FailedLogins, told
from fleet.accounts.names import checked_name, checked_password, folded, name_from, normalized
from fleet.accounts.passwords import Passwords
from fleet.accounts.secret import hash_of, new_secret
from fleet.accounts.sessions import SessionKeeper
from fleet.accounts.throttle import Throttle
from storage.account_sessions import SessionRecord, add_session, end_session, end_sessions
from storage.accounts import (
    AccountRecord,
    AccountRefusedError,
    LinkRecord,
    account_of_subject,
    add_account,
    change_account,
    count_accounts,
    find_account,
    find_link,
    rehash_password,
)
from storage.database import Database
from storage.errors import StorageError
from storage.rows import AuditRow
from web.access.model import Access
from web.access.people import (
    LoginRefusedError,
    Opened,
    OwnAccount,
    Visitor,
    Vouched,
)

T = TypeVar("T")

SECONDS = 10.0  # for the database
FLUSH = 60.0  # seconds between what the audit is told of failures
WRONG = "This name and password do not belong together."
OVER = "This link was used, or is too old. `fleet user link` makes another one."
MOST_OF_A_NAME = 20  # accounts called alike


class AccountPeople:
    """Implements `web.access.people.People`.

    Args:
        database: Where accounts and sessions are kept.
        keeper: The sessions in memory.
        lifetime: After which a session ends in any case.
        record: Takes rows of the audit, and never waits.
        passwords: Hashes and verifies them.
        throttle: How often passwords may be tried for one account.
        now: The time, in UTC.
    """

    def __init__(
        self,
        database: Database,
        keeper: SessionKeeper,
        lifetime: timedelta,
        record: Callable[[AuditRow], None],
        *,
        passwords: Passwords | None = None,
        throttle: Throttle | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._keeper = keeper
        self._lifetime = lifetime
        self._failed = FailedLogins(record)
        self._passwords = passwords or Passwords()
        self._throttle = throttle or Throttle()
        self._now = now

    async def run(self, *, task_status: Started) -> NoReturn:
        """Tell the audit of logins that failed, until cancelled."""
        await self._passwords.prepare()
        task_status.started()
        try:
            while True:
                await anyio.sleep(FLUSH)
                self._failed.flush(self._now())
        finally:
            self._failed.flush(self._now())

    # Letting in

    async def log_in(self, name: str, password: str, visitor: Visitor) -> Opened:
        """Begin a session by name and password."""
        name = folded(name)
        account = await self._checked(name, password, visitor)
        return await self._open(account, visitor, "with a password")

    async def let_in(self, person: Vouched, visitor: Visitor) -> Opened:
        """Begin a session of somebody whom a provider vouches for."""
        account = await self._ask(account_of_subject(self._database, person.issuer, person.subject))
        if account is None:
            account = await self._welcome(person, visitor)
        elif account.disabled is not None:
            self._failed.add(account.name, visitor, "disabled")
            raise LoginRefusedError("wrong", "This account is disabled.")
        elif person.by_groups and account.role != person.role:
            detail = f"{account.role} to {person.role}, by the groups at {person.issuer}"
            audit = self._told("account-changed", account.name, visitor, detail)
            scope = account.scope if person.role == "viewer" else []  # others are not narrowed
            await self._ask(
                change_account(self._database, account.name, audit, role=person.role, scope=scope)
            )
            account = msgspec.structs.replace(account, role=person.role, scope=scope)
        return await self._open(account, visitor, f"by {person.issuer}")

    async def accept(self, secret: str, name: str, password: str, visitor: Visitor) -> Opened:
        """Use a one-time link."""
        hash_ = hash_of(secret)
        link = None if hash_ is None else await self._ask(find_link(self._database, hash_))
        if link is None:
            self._failed.add("", visitor, "a link that does not hold")
            raise LoginRefusedError("wrong", OVER)
        name = link.account or checked_name(name)
        stored = await self._passwords.hash(checked_password(password, name))
        if link.account is None:
            await self._make_first(link, name, stored, visitor)
        else:
            audit = self._told("password-changed", name, visitor, "by a link")
            if not await self._ask(
                change_account(self._database, name, audit, password=stored, link=link.hash)
            ):
                raise LoginRefusedError("wrong", OVER)
            self._keeper.forget(lambda session: session.account == name)
        account = await self._ask(find_account(self._database, name))
        if account is None or account.disabled is not None:
            raise LoginRefusedError("wrong", "This account is disabled.")
        return await self._open(account, visitor, "by a link")

    # Who is in

    async def log_out(self, visitor: Visitor) -> None:
        """End the session of the visitor's cookie."""
        hash_ = hash_of(visitor.cookie)
        access = await self._keeper.by_session(visitor.cookie)
        if hash_ is None or access is None:
            return
        audit = self._told("logout", access.name, visitor, "")
        await self._ask(end_session(self._database, hash_, audit))
        self._keeper.forget(lambda session: session.hash == hash_)

    async def log_out_others(self, access: Access, visitor: Visitor) -> int:
        """End all other sessions of the account."""

        def audit(many: int) -> AuditRow:
            return self._told("logout", access.name, visitor, f"{many} other sessions")

        many = await self._ask(end_sessions(self._database, access.name, audit, access.id))
        self._forget_others(access)
        return many

    async def change_password(
        self, access: Access, current: str, password: str, visitor: Visitor
    ) -> None:
        """Set another password, which ends all other sessions."""
        account = await self._checked(access.name, current, visitor)
        stored = await self._passwords.hash(checked_password(password, account.name))
        audit = self._told("password-changed", account.name, visitor, "")
        await self._ask(
            change_account(
                self._database, account.name, audit, password=stored, keep_session=access.id
            )
        )
        self._forget_others(access)

    async def has_accounts(self) -> bool:
        """Whether there is any account."""
        return await self._ask(count_accounts(self._database)) > 0

    def own(self, access: Access) -> OwnAccount:
        """The account of a session."""
        return self._keeper.own(access)

    def noted(self, who: str, visitor: Visitor, detail: str) -> None:
        """A login failed before it was known whose it is."""
        self._failed.add(who, visitor, detail)

    # Parts of it

    async def _checked(self, name: str, password: str, visitor: Visitor) -> AccountRecord:
        """The account with this password. It takes as long for a name that there is not."""
        if wait := self._throttle.take(name, visitor.address, password):
            raise LoginRefusedError("slowed", "Too many tried this account.", wait)
        account = await self._ask(find_account(self._database, name))
        stored = None if account is None or account.disabled is not None else account.password
        if not await self._passwords.verify(stored, password) or account is None:
            self._failed.add("" if account is None else account.name, visitor, "wrong password")
            raise LoginRefusedError("wrong", WRONG)
        self._throttle.succeeded(name, visitor.address, password)
        if stored is not None and self._passwords.is_outdated(stored):
            anew = await self._passwords.hash(normalized(password))
            await self._ask(rehash_password(self._database, name, stored, anew))
            account = await self._ask(find_account(self._database, name)) or account
        return account

    async def _open(self, account: AccountRecord, visitor: Visitor, how: str) -> Opened:
        cookie, now = new_secret(), self._now()
        hash_ = hash_of(cookie)
        assert hash_ is not None  # noqa: S101 - it is a new secret
        session = SessionRecord(
            id=secrets.token_hex(8),
            hash=hash_,
            account=account.name,
            role=account.role,
            scope=account.scope,
            has_password=account.password is not None,
            created=now,
            seen=now,
            expires=now + self._lifetime,
            address=visitor.address,
            agent=visitor.agent,
        )
        before = hash_of(visitor.cookie)
        audit = self._told("login", account.name, visitor, how)
        if not await self._ask(
            add_session(self._database, session, account.password, audit, before)
        ):
            raise LoginRefusedError("wrong", WRONG)
        self._keeper.forget(lambda known: known.hash == before)
        access = self._keeper.add(session)
        return Opened(cookie=cookie, access=access, expires=session.expires)

    async def _make_first(self, link: LinkRecord, name: str, stored: str, visitor: Visitor) -> None:
        account = _account(name, "admin", link.created_by, self._now(), password=stored)
        audit = self._told("account-created", name, visitor, "the first admin, by a link")
        try:
            await self._ask(add_account(self._database, account, audit, link.hash))
        except AccountRefusedError as error:
            raise LoginRefusedError("wrong", str(error)) from None

    async def _welcome(self, person: Vouched, visitor: Visitor) -> AccountRecord:
        """Make an account of a name that is free; nobody gets another one's by being called so."""
        wanted = name_from(person.name) or name_from(person.subject) or "somebody"
        for number in range(1, MOST_OF_A_NAME + 1):
            name = wanted if number == 1 else f"{wanted}-{number}"
            account = _account(
                name,
                person.role,
                person.issuer,
                self._now(),
                issuer=person.issuer,
                subject=person.subject,
            )
            audit = self._told("account-created", name, visitor, f"{person.role}, of its login")
            try:
                await self._ask(add_account(self._database, account, audit))
            except AccountRefusedError:
                known = account_of_subject(self._database, person.issuer, person.subject)
                if (made := await self._ask(known)) is not None:  # in another window, just now
                    return made
            else:
                return account
        raise LoginRefusedError("wrong", f"There are too many accounts called {wanted}.")

    def _forget_others(self, access: Access) -> None:
        self._keeper.forget(
            lambda session: session.account == access.name and session.id != access.id
        )

    def _told(self, kind: str, who: str, visitor: Visitor, detail: str) -> AuditRow:
        return told(kind, who, visitor, detail, self._now())

    async def _ask(self, query: Awaitable[T]) -> T:
        """Ask the database, within bounds."""
        try:
            with anyio.fail_after(SECONDS):
                return await query
        except (StorageError, TimeoutError):
            raise LoginRefusedError(
                "unavailable", "The database is away, so nobody can log in now.", 5
            ) from None


def _account(
    name: str,
    role: str,
    by: str,
    now: datetime,
    *,
    password: str | None = None,
    issuer: str | None = None,
    subject: str | None = None,
) -> AccountRecord:
    return AccountRecord(
        name=name,
        password=password,
        issuer=issuer,
        subject=subject,
        role=role,
        scope=[],
        created=now,
        created_by=by,
        changed=now,
    )
