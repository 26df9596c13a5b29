"""Pages of the audit: each goes on behind an entry, whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from web.access.documents import AuditDocument, AuditEntryDocument, AuditPage
from web.problems import bad_parameter
from web.rest.listings import AUDIT, EPOCH

ORDER = AUDIT.order(None)


def place_of(cursor: str) -> tuple[datetime, str, str, str]:
    """Time, kind, who and address of the entry that a cursor stands behind.

    Raises:
        Problem: It is none of the audit (400).
    """
    *_, ties = ORDER.read(cursor)
    if [type(tie) for tie in ties] != [int, str, str, str]:
        raise bad_parameter("cursor", cursor)
    microseconds, kind, who, address = ties
    try:
        time = EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise bad_parameter("cursor", cursor) from error
    return time, kind, who, address


def cut_audit(found: Sequence[AuditEntryDocument], limit: int) -> AuditDocument:
    """One page; `found` has one entry more than `limit` where there is a next page."""
    shown = tuple(found[:limit])
    more = ORDER.write(shown[-1]) if len(found) > limit else None
    return AuditDocument(entries=shown, page=AuditPage(limit=limit, next=more))
