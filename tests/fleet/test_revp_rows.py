"""Changes of routes are stored as they were."""

from __future__ import annotations

from datetime import UTC, datetime

from fleet.revp.rows import change_row, stored_change
from labels.model import Cause, Change

CHANGE = Change(
    revision=7,
    time=datetime(2026, 3, 1, tzinfo=UTC),
    kind="changed",
    domain="app.lan",
    path="/api",
    status="degraded",
    before=("h/web-1 10.0.0.5:80", "h/web-2 10.0.0.5:81"),
    after=("h/web-2 10.0.0.5:81",),
    summary="h/web-1 left the pool (unhealthy): 1 of 2 left",
    cause=Cause(event="health_status: unhealthy", host="h", container="web-1", container_id="f00d"),
)


def test_a_change_comes_back_as_it_was() -> None:
    assert stored_change(change_row(CHANGE)) == CHANGE


def test_a_row_says_what_happened_to_whom() -> None:
    row = change_row(CHANGE)
    assert (row.domain, row.path, row.kind, row.status) == (
        "app.lan",
        "/api",
        "changed",
        "degraded",
    )
    assert row.before == ["h/web-1 10.0.0.5:80", "h/web-2 10.0.0.5:81"]
    assert (row.cause_event, row.cause_host) == ("health_status: unhealthy", "h")
    assert (row.cause_container, row.cause_container_id) == ("web-1", "f00d")
