"""The accounts of others for the API: over the database, in the web's documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from fleet.access.making import check_labels
from fleet.accounts.audit import told
from fleet.accounts.first import make_link, path_of
from fleet.accounts.names import checked_name, folded
from storage.account_sessions import end_sessions
from storage.accounts import (
    AccountRecord,
    AccountRefusedError,
    accounts,
    add_account,
    change_account,
    find_account,
    remove_account,
)
from storage.accounts import LastAdminError as LastOneError
from storage.database import Database
from storage.errors import StorageError
from storage.rows import AuditRow
from web.access.desk import DeskClosedError, DeskRefusedError
from web.access.documents import Role, UserDocument
from web.access.people import PasswordRefusedError, Visitor
from web.access.roster import LastAdminError, UserChange, UserWanted


class StoredRoster:
    """Implements `web.access.roster.Roster`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def users(self) -> Sequence[UserDocument]:
        """All of them, by name."""
        with _translated():
            return [user_of(record) for record in await accounts(self._database)]

    async def add(self, wanted: UserWanted, by: str, address: str) -> str:
        """Make one; returns the path of a link that sets its password."""
        name = _checked_name(wanted.name)
        check_labels(wanted.role, wanted.labels)
        now = datetime.now(UTC)
        record = AccountRecord(
            name=name,
            password=None,
            role=wanted.role,
            scope=list(wanted.labels),
            created=now,
            created_by=by,
            changed=now,
        )
        detail = f"{name}: {wanted.role} of {_hosts(wanted.labels)}"
        with _translated():
            await add_account(self._database, record, _told("account-created", by, address, detail))
            return path_of(await make_link(self._database, name, by, _visitor(address)))

    async def change(
        self, name: str, change: UserChange, by: str, address: str
    ) -> UserDocument | None:
        """Change one."""
        if (change.role is None) == (change.disabled is None):
            raise DeskRefusedError("Set the role, or disable or enable: one at a time.")
        if change.labels is not None and change.role is None:
            raise DeskRefusedError("Labels come with a role: say which one, viewer.")
        name = folded(name)
        if change.role is None:
            kind = "account-disabled" if change.disabled else "account-enabled"
            audit, scope = _told(kind, by, address, name), None
        else:
            labels = change.labels or ()
            check_labels(change.role, labels)
            detail = f"{name}: {change.role} of {_hosts(labels)}"
            audit, scope = _told("account-changed", by, address, detail), list(labels)
        with _translated():
            await change_account(
                self._database,
                name,
                audit,
                role=change.role,
                scope=scope,
                disabled=change.disabled,
                keep_admin=True,
            )
        return await self._find(name)

    async def remove(self, name: str, by: str, address: str) -> UserDocument | None:
        """Remove one with its sessions."""
        name = folded(name)
        found = await self._find(name)
        if found is None:
            return None
        audit = _told("account-removed", by, address, name)
        with _translated():
            gone = await remove_account(self._database, name, audit, keep_admin=True)
        return found if gone else None

    async def link(self, name: str, by: str, address: str) -> str | None:
        """The path of a link that sets the password of one."""
        name = folded(name)
        if await self._find(name) is None:
            return None
        with _translated():
            return path_of(await make_link(self._database, name, by, _visitor(address)))

    async def log_out(self, name: str, by: str, address: str) -> int | None:
        """End all sessions of one."""
        name = folded(name)
        if await self._find(name) is None:
            return None

        def audit(many: int) -> AuditRow:
            return _told("logout", by, address, f"{many} sessions of {name}")

        with _translated():
            return await end_sessions(self._database, name, audit)

    async def _find(self, name: str) -> UserDocument | None:
        with _translated():
            record = await find_account(self._database, name)
        return None if record is None else user_of(record)


def user_of(record: AccountRecord) -> UserDocument:
    """An account as it is shown."""
    role: Role = record.role  # type: ignore[assignment]  # only roles are stored
    return UserDocument(
        name=record.name,
        role=role,
        labels=tuple(record.scope),
        has_password=record.password is not None,
        issuer=record.issuer,
        created=record.created,
        created_by=record.created_by,
        disabled=record.disabled,
        last_login=record.last_login,
    )


def _checked_name(name: str) -> str:
    try:
        return checked_name(name)
    except PasswordRefusedError as error:
        raise DeskRefusedError(str(error)) from error


def _hosts(labels: Sequence[str]) -> str:
    return " and ".join(labels) or "all hosts"


def _visitor(address: str) -> Visitor:
    return Visitor(address=address, agent="")


def _told(kind: str, by: str, address: str, detail: str) -> AuditRow:
    return told(kind, by, _visitor(address), detail, datetime.now(UTC))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise DeskClosedError(str(error)) from error
    except AccountRefusedError as error:
        raise DeskRefusedError(str(error), taken=True) from error
    except LastOneError as error:
        raise LastAdminError(
            f"{error} is the last admin who can log in. Make another one first;"
            " `fleet user` does it nevertheless."
        ) from error
