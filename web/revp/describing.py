"""From the values of the table of routes to the published documents. Pure."""

from __future__ import annotations

from labels.model import (
    Change,
    Check,
    Conflict,
    Endpoint,
    Issue,
    Member,
    Route,
    RoutedContainer,
    RoutedWish,
    Settings,
    Waiting,
)
from web.route_documents import (
    CauseDocument,
    ConflictDocument,
    EndpointDocument,
    LoserDocument,
    MemberDocument,
    RouteChangeDocument,
    RouteCheckDocument,
    RoutedContainerDocument,
    RouteDocument,
    RouteIssueDocument,
    RouteSettingsDocument,
    StepDocument,
    WaitingRouteDocument,
    WishDocument,
)


def describe_route(route: Route) -> RouteDocument:
    """One route with its members."""
    return RouteDocument(
        domain=route.domain,
        path=route.path,
        status=route.status,
        serving=sum(member.serving for member in route.members),
        wanted=sum(member.standing != "off" for member in route.members),
        settings=describe_settings(route.settings),
        members=tuple(map(describe_member, route.members)),
        held_until=route.held_until,
    )


def describe_member(member: Member) -> MemberDocument:
    """One backend."""
    return MemberDocument(
        id=member.id,
        origin=member.origin,
        name=member.name,
        host=member.host,
        container_id=member.container_id,
        identity=member.identity,
        endpoint=_describe_endpoint(member.endpoint),
        weight=member.weight,
        serving=member.serving,
        standing=member.standing,
        since=member.since,
        stale_since=member.stale_since,
        started=member.started,
        title=member.title,
        description=member.description,
        extras=dict(member.extras),
        trace=tuple(
            StepDocument(way=step.way, taken=step.taken, reason=step.reason)
            for step in member.trace
        ),
    )


def describe_settings(settings: Settings) -> RouteSettingsDocument:
    """What the members of a route share."""
    return RouteSettingsDocument(
        scheme=settings.scheme,
        strip_prefix=settings.strip_prefix,
        https=settings.https,
        redirect_https=settings.redirect_https,
        certificate_resolver=settings.certificate_resolver,
        websocket=settings.websocket,
        insecure_skip_verify=settings.insecure_skip_verify,
        pass_host_header=settings.pass_host_header,
        policy=settings.policy,
        check=_describe_check(settings.check),
        middlewares=settings.middlewares,
        headers=dict(settings.headers),
    )


def _describe_endpoint(endpoint: Endpoint | None) -> EndpointDocument | None:
    if endpoint is None:
        return None
    return EndpointDocument(address=endpoint.address, port=endpoint.port)


def _describe_check(check: Check | None) -> RouteCheckDocument | None:
    if check is None:
        return None
    return RouteCheckDocument(
        path=check.path, interval=check.interval, timeout=check.timeout, status=check.status
    )


def describe_issue(issue: Issue) -> RouteIssueDocument:
    """One issue."""
    return RouteIssueDocument(
        code=issue.code,
        severity=issue.severity,
        message=issue.message,
        action=issue.action,
        host=issue.host,
        container=issue.container,
        key=issue.key,
        value=issue.value,
        suggestion=issue.suggestion,
        domain=issue.domain,
    )


def describe_container(container: RoutedContainer) -> RoutedContainerDocument:
    """One container with RevP labels."""
    return RoutedContainerDocument(
        host=container.host,
        id=container.id,
        name=container.name,
        enabled=container.parsed.enabled,
        labels=container.labels,
        wishes=tuple(map(_describe_wish, container.wishes)),
        issues=tuple(map(describe_issue, container.parsed.issues)),
    )


def _describe_wish(routed: RoutedWish) -> WishDocument:
    wish = routed.wish
    return WishDocument(
        domain=wish.domain,
        path=wish.path,
        port=wish.port,
        backend_host=wish.backend_host,
        settings=describe_settings(wish.settings),
        outcome=routed.outcome,
        reason=routed.reason,
        member=describe_member(routed.member),
    )


def describe_conflict(conflict: Conflict) -> ConflictDocument:
    """One conflict with who lost it."""
    return ConflictDocument(
        domain=conflict.domain,
        path=conflict.path,
        winner=describe_member(conflict.winner),
        rule=conflict.rule,
        losers=tuple(
            LoserDocument(
                member=describe_member(loser.member),
                settings=describe_settings(loser.settings),
                differs=loser.differs,
            )
            for loser in conflict.losers
        ),
    )


def describe_waiting(waiting: Waiting) -> WaitingRouteDocument:
    """One wish that is not served now."""
    return WaitingRouteDocument(
        domain=waiting.domain,
        path=waiting.path,
        member=describe_member(waiting.member),
        reason=waiting.reason,
    )


def describe_change(change: Change) -> RouteChangeDocument:
    """One change of one route."""
    cause = change.cause
    return RouteChangeDocument(
        revision=change.revision,
        time=change.time,
        kind=change.kind,
        domain=change.domain,
        path=change.path,
        status=change.status,
        before=change.before,
        after=change.after,
        summary=change.summary,
        cause=CauseDocument(
            event=cause.event,
            host=cause.host,
            container=cause.container,
            container_id=cause.container_id,
        ),
    )
