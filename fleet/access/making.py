"""Making a token: what is wanted is checked, and only a hash of it is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import asdict

from fleet.access.tokens import hashed, new_token
from storage.access import TokenRecord, TokenRefusedError, add_token
from storage.database import Database
from web.access.desk import NEVER, DeskRefusedError, TokenWanted
from web.access.documents import NewTokenDocument, TokenDocument
from web.access.model import Role
from web.times import parse_duration

MOST_LABELS = 20
LONGEST_LABEL = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@ -]{0,63}")
_LABEL = re.compile(r"[^=\x00-\x1f\x7f]+(=[^\x00-\x1f\x7f]*)?")


async def make_token(
    database: Database, wanted: TokenWanted, by: str, address: str
) -> NewTokenDocument:
    """Make a token; what is returned is the only place where it stands.

    Raises:
        DeskRefusedError: The name is another's, or is none; or role, labels and expiry do not fit.
        StorageError: The database is away, or refuses.
    """
    now = datetime.now(UTC)
    _check(wanted)
    made = new_token()
    record = TokenRecord(
        id=made.id,
        name=wanted.name,
        hash=hashed(made.token),
        role=wanted.role,
        scope=list(wanted.labels),
        created=now,
        created_by=by,
        expires=_end(wanted.expires, now),
    )
    try:
        await add_token(database, record, address)
    except TokenRefusedError as error:
        raise DeskRefusedError(str(error), taken=True) from error
    return NewTokenDocument(token=made.token, **asdict(document_of(record)))


def document_of(record: TokenRecord) -> TokenDocument:
    """A token as it is shown."""
    role: Role = record.role  # type: ignore[assignment]  # only roles are stored
    return TokenDocument(
        id=record.id,
        name=record.name,
        role=role,
        labels=tuple(record.scope),
        created=record.created,
        created_by=record.created_by,
        expires=record.expires,
        revoked=record.revoked,
        revoked_by=record.revoked_by,
        used=record.used,
        used_from=record.used_from,
    )


def _check(wanted: TokenWanted) -> None:
    if not _NAME.fullmatch(wanted.name):
        raise DeskRefusedError(
            f"{wanted.name[:80]!r} is no name for a token: up to 64 letters, digits and any of"
            " '._@ -', the first a letter or a digit."
        )
    check_labels(wanted.role, wanted.labels)


def check_labels(role: Role, labels: Sequence[str]) -> None:
    """Whether these labels can narrow what a role sees.

    Raises:
        DeskRefusedError: They are none, too many, or for a role that is not narrowed.
    """
    if labels and role != "viewer":
        raise DeskRefusedError(
            f"An {role} acts on the whole fleet: labels are for the role viewer alone."
        )
    bad = [one for one in labels if len(one) > LONGEST_LABEL or not _LABEL.fullmatch(one)]
    if bad or len(labels) > MOST_LABELS:
        told = f"{bad[0][:80]!r} is no label" if bad else f"{len(labels)} labels are too many"
        raise DeskRefusedError(f"{told}: write KEY or KEY=VALUE, {MOST_LABELS} at most.")


def _end(text: str, now: datetime) -> datetime | None:
    if text == NEVER:
        return None
    span = parse_duration(text)
    try:
        if span:
            return now + span
    except OverflowError:
        pass
    raise DeskRefusedError(f"{text[:80]!r} is no time to expire after: write 30d, 12h or {NEVER}.")
