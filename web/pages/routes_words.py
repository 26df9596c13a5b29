"""How routes are told of on pages: tones, settings in short, where a member is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from labels.model import (
    ChangeKind,
    Member,
    Outcome,
    Route,
    RouteStatus,
    Settings,
    Severity,
    Standing,
)
from labels.routing.words import STANDINGS
from web.pages.states import Tone

STATUS_TONES: Mapping[RouteStatus, Tone] = {"up": "good", "degraded": "warn", "down": "bad"}
STANDING_TONES: Mapping[Standing, Tone] = {
    "up": "good",
    "stale": "warn",
    "starting": "busy",
    "unhealthy": "bad",
    "paused": "warn",
    "draining": "busy",
    "stopped": "bad",
    "gone": "bad",
    "unreachable": "bad",
    "off": "idle",
}
SEVERITY_TONES: Mapping[Severity, Tone] = {"error": "bad", "warning": "warn", "info": "idle"}
OUTCOME_TONES: Mapping[Outcome, Tone] = {
    "served": "good",
    "waiting": "idle",
    "lost": "warn",
    "dropped": "bad",
}
MEETING_TONES: Mapping[str, Tone] = {
    "replaces": "good",
    "joins": "good",
    "wins": "warn",
    "loses": "bad",
}
KIND_TONES: Mapping[ChangeKind, Tone] = {"added": "good", "changed": "idle", "removed": "warn"}
WORDS: Mapping[str, Any] = {
    "status_tones": STATUS_TONES,
    "standing_tones": STANDING_TONES,
    "standings": STANDINGS,
    "severity_tones": SEVERITY_TONES,
    "outcome_tones": OUTCOME_TONES,
    "meeting_tones": MEETING_TONES,
    "kind_tones": KIND_TONES,
}
"""What the templates of routes are given besides."""


def change_tone(kind: ChangeKind, status: RouteStatus | None) -> Tone:
    """Of a change: that of the status after it, where there still is one."""
    return KIND_TONES[kind] if status is None else STATUS_TONES[status]


def outside(route: Route) -> str | None:
    """Where a browser reaches the domain; None for one that stands for many."""
    if "*" in route.domain:
        return None
    scheme = "https" if route.settings.https else "http"
    return f"{scheme}://{quote(route.domain, safe='.')}{quote(route.path)}"


def standing_tone(member: Member) -> Tone:
    """Of a member; one that stands well and gets no requests has no endpoint."""
    if member.standing == "up" and not member.serving:
        return "bad"
    return STANDING_TONES[member.standing]


def container_of(member: Member) -> str:
    """The name of its container; empty where it is none, or somebody else's."""
    host, slash, name = member.name.partition("/")
    return name if slash and member.host and host == member.host else ""


def settings_words(settings: Settings, pool: int) -> list[str]:
    """The settings in short; those that are as usual are left out.

    Args:
        settings: Of a route.
        pool: How many members it has.
    """
    return [word for word in (*_of_domain(settings), *_of_backends(settings, pool)) if word]


def _of_domain(settings: Settings) -> Iterator[str]:
    yield "https" if settings.https else "plain http"
    yield "no redirect" if settings.https and not settings.redirect_https else ""
    resolver = settings.certificate_resolver
    yield f"certificate: {resolver}" if resolver else ""
    yield f"strips {settings.strip_prefix}" if settings.strip_prefix else ""
    yield f"through {', '.join(settings.middlewares)}" if settings.middlewares else ""
    names = ", ".join(name for name, _ in settings.headers)
    yield f"sets {names}" if names else ""


def _of_backends(settings: Settings, pool: int) -> Iterator[str]:
    if settings.scheme == "https":
        yield "https to backends" + (", unverified" if settings.insecure_skip_verify else "")
    if pool > 1 or settings.policy != "round_robin":
        yield settings.policy.replace("_", " ")
    yield "websocket" if settings.websocket else ""
    yield "" if settings.pass_host_header else "own Host header"
    check = settings.check
    yield f"check {check.path} every {check.interval:g} s" if check else ""
