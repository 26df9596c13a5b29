"""From a preview to its document. Pure."""

from __future__ import annotations

from labels.facts import Place
from labels.model import Table
from labels.preview.meeting import Meeting, meet
from labels.preview.previewing import Preview, PreviewedService
from web.revp.describing import (
    describe_conflict,
    describe_container,
    describe_issue,
    describe_route,
)
from web.route_documents import MeetingDocument, PreviewDocument, PreviewedServiceDocument

ANYWHERE = Place(name="HOST", address="HOST")
"""Where previewed containers run if nobody says."""


def describe_preview(found: Preview, place: Place, live: Table) -> PreviewDocument:
    """The preview as a document."""
    services = tuple(map(_service, found.services))
    told = {issue for service in services for one in service.containers for issue in one.issues}
    issues = [describe_issue(issue) for issue in (*found.issues, *found.table.issues)]
    return PreviewDocument(
        host=place.name,
        revision=live.revision,
        services=services,
        routes=tuple(map(describe_route, found.table.routes)),
        conflicts=tuple(map(describe_conflict, found.table.conflicts)),
        live=tuple(map(_meeting, meet(found.table, live))),
        issues=tuple(issue for issue in issues if issue not in told),
    )


def _service(service: PreviewedService) -> PreviewedServiceDocument:
    issues = (*service.issues, *service.parsed.issues)
    return PreviewedServiceDocument(
        name=service.name,
        routed=service.parsed.routed,
        enabled=service.parsed.enabled,
        containers=tuple(map(describe_container, service.containers)),
        issues=tuple(map(describe_issue, issues)),
    )


def _meeting(meeting: Meeting) -> MeetingDocument:
    return MeetingDocument(
        domain=meeting.domain,
        path=meeting.path,
        outcome=meeting.outcome,
        members=meeting.members,
        differs=meeting.differs,
        rule=meeting.rule,
    )
