"""Changes of routes as rows of history, and back. Pure."""

from __future__ import annotations

from labels.model import Cause, Change
from storage.rows import RouteChangeRow


def change_row(change: Change) -> RouteChangeRow:
    """How a change is stored."""
    cause = change.cause
    return RouteChangeRow(
        time=change.time,
        revision=change.revision,
        kind=change.kind,
        domain=change.domain,
        path=change.path,
        status=change.status,
        before=list(change.before),
        after=list(change.after),
        summary=change.summary,
        cause_event=cause.event,
        cause_host=cause.host,
        cause_container=cause.container,
        cause_container_id=cause.container_id,
    )


def stored_change(row: RouteChangeRow) -> Change:
    """What was stored, as it was."""
    return Change(
        time=row.time,
        revision=row.revision,
        kind=row.kind,
        domain=row.domain,
        path=row.path,
        status=row.status,
        before=tuple(row.before),
        after=tuple(row.after),
        summary=row.summary,
        cause=Cause(
            event=row.cause_event,
            host=row.cause_host,
            container=row.cause_container,
            container_id=row.cause_container_id,
        ),
    )
