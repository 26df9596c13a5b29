"""Tokens, accounts and an audit for tests: what they change are plain attributes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from tests.web.settings_in_memory import START
from web.access.desk import AuditFilter, DeskClosedError, DeskRefusedError, TokenWanted
from web.access.documents import (
    AuditEntryDocument,
    NewTokenDocument,
    TokenDocument,
    UserDocument,
)
from web.access.roster import LastAdminError, UserChange, UserWanted

HOSTILE = "<script>alert('x')</script> {{ 7 * 7 }}"


class DeskInMemory:
    """Implements `web.access.desk.Desk`."""

    def __init__(self) -> None:
        self.known = [token("traefik"), replace(token("old"), revoked=START, revoked_by="ada")]
        self.entries = [entry(number) for number in range(60)]
        self.wanted: list[AuditFilter] = []
        self.away = False
        self.by: list[tuple[str, str]] = []

    async def tokens(self) -> Sequence[TokenDocument]:
        if self.away:
            raise DeskClosedError("The database is away.")
        return self.known

    async def make(self, wanted: TokenWanted, by: str, address: str) -> NewTokenDocument:
        self.by.append((by, address))
        if wanted.name == "traefik":
            raise DeskRefusedError("There is a token called 'traefik'.", taken=True)
        made = replace(token(wanted.name), role=wanted.role, labels=wanted.labels, created_by=by)
        self.known.append(made)
        fields = {name: getattr(made, name) for name in made.__struct_fields__}
        return NewTokenDocument(**fields, token="fleet_once_secret")

    async def revoke(self, ref: str, by: str, address: str) -> TokenDocument | None:
        self.by.append((by, address))
        found = next((one for one in self.known if one.id == ref and not one.revoked), None)
        if found is not None:
            self.known.remove(found)
        return found

    async def audit(self, wanted: AuditFilter, limit: int) -> Sequence[AuditEntryDocument]:
        self.wanted.append(wanted)
        found = [e for e in self.entries if wanted.kind in (None, e.kind)]
        if wanted.behind is not None:
            found = [each for each in found if each.time < wanted.behind[0]]
        return found[:limit]


class RosterInMemory:
    """Implements `web.access.roster.Roster`; its one admin is the last one."""

    def __init__(self) -> None:
        self.known = {"ada": user("ada", role="admin"), "bob": user("bob")}
        self.changes: list[tuple[str, UserChange]] = []
        self.by: list[tuple[str, str]] = []

    async def users(self) -> Sequence[UserDocument]:
        return list(self.known.values())

    async def add(self, wanted: UserWanted, by: str, address: str) -> str:
        self.by.append((by, address))
        if wanted.name in self.known:
            raise DeskRefusedError(f"There is an account called {wanted.name!r}.", taken=True)
        self.known[wanted.name] = user(wanted.name, role=wanted.role, labels=wanted.labels)
        return "/welcome#once-secret"

    async def change(
        self, name: str, change: UserChange, by: str, address: str
    ) -> UserDocument | None:
        self.by.append((by, address))
        if name == "ada" and (change.disabled or change.role == "viewer"):
            raise LastAdminError("ada is the last admin who can log in.")
        self.changes.append((name, change))
        return self.known.get(name)

    async def remove(self, name: str, by: str, address: str) -> UserDocument | None:
        self.by.append((by, address))
        if name == "ada":
            raise LastAdminError("ada is the last admin who can log in.")
        return self.known.pop(name, None)

    async def link(self, name: str, by: str, address: str) -> str | None:
        self.by.append((by, address))
        return "/welcome#once-secret" if name in self.known else None

    async def log_out(self, name: str, by: str, address: str) -> int | None:
        self.by.append((by, address))
        return 2 if name in self.known else None


def token(name: str) -> TokenDocument:
    return TokenDocument(
        id=f"id-{name}",
        name=name,
        role="viewer",
        labels=(),
        created=START,
        created_by="root",
        expires=None,
    )


def user(name: str, **more: Any) -> UserDocument:
    plain = UserDocument(
        name=name,
        role="viewer",
        labels=(),
        has_password=True,
        issuer=None,
        created=START,
        created_by="root",
        disabled=None,
        last_login=None,
    )
    return replace(plain, **more)


def entry(number: int) -> AuditEntryDocument:
    return AuditEntryDocument(
        time=START - timedelta(minutes=number),
        kind="login" if number % 2 else "token-used",
        who=f"who-{number}",
        address="10.0.0.7",
        detail=HOSTILE,
        count=1,
    )
