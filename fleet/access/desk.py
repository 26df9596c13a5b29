"""Tokens and the audit for the API: over the database, in the web's documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import asdict

from fleet.access.making import document_of, make_token
from storage.access import audit, revoke_token, tokens
from storage.database import Database
from storage.errors import StorageError
from web.access.desk import AuditFilter, DeskClosedError, TokenWanted
from web.access.documents import AuditEntryDocument, NewTokenDocument, TokenDocument


class StoredDesk:
    """Implements `web.access.desk.Desk`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tokens(self) -> Sequence[TokenDocument]:
        """All of them, the oldest first."""
        with _translated():
            return [document_of(record) for record in await tokens(self._database)]

    async def make(self, wanted: TokenWanted, by: str, address: str) -> NewTokenDocument:
        """Make one."""
        with _translated():
            return await make_token(self._database, wanted, by, address)

    async def revoke(self, ref: str, by: str, address: str) -> TokenDocument | None:
        """Revoke one."""
        with _translated():
            revoked = await revoke_token(self._database, ref, by, address)
        return None if revoked is None else document_of(revoked)

    async def audit(self, wanted: AuditFilter, limit: int) -> Sequence[AuditEntryDocument]:
        """The newest entries that match, newest first."""
        with _translated():
            rows = await audit(self._database, **asdict(wanted), limit=limit)
        return [AuditEntryDocument(**asdict(row)) for row in rows]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise DeskClosedError(str(error)) from error
