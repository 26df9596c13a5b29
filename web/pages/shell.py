"""What every page has around what it shows: navigation, who looks, and what is wrong with fleet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import unquote

from litestar.response.base import ASGIResponse

from web.access.cookies import session_cookie
from web.access.csrf import csrf_token
from web.access.model import Access, access_of
from web.pages.templating import template
from web.pages.troubles import banner
from web.pages.wording import zone_of
from web.sources import WebRequest, sources

# Ours alone, and nothing inline: what a container's name or log holds can never become a script.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
THEMES = ("system", "light", "dark")
_WORD = re.compile(r"[a-z]{1,20}")
NAVIGATION = (
    ("/", "Fleet"),
    ("/containers", "Containers"),
    ("/logs", "Logs"),
    ("/events", "Events"),
    ("/routes", "Routes"),
    ("/images", "Images"),
    ("/settings", "Settings"),
)


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who looks, and how they like it.

    Attributes:
        access: Who it is; None where nobody needs to say.
        zone: Where their clock is.
        theme: `system`, `light` or `dark`.
        choices: What else their browser remembers, by name: see `frontend/src/choices.ts`.
        csrf: What their changes must carry; empty where they have no session.
    """

    access: Access | None
    zone: tzinfo
    theme: str
    choices: dict[str, str]
    csrf: str

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """What they chose of some words, the first one unless they did."""
        chosen = self.choices.get(name, "")
        return chosen if chosen in allowed else allowed[0]

    def may(self, role: str) -> bool:
        """Whether they have a role."""
        return self.access is not None and self.access.may(role)  # type: ignore[arg-type] # templates say a word


def viewer_of(request: WebRequest) -> Viewer:
    """Who asks for a page."""
    cookies = {
        name.removeprefix("fleet-"): unquote(value)
        for name, value in request.cookies.items()
        if name.startswith("fleet-")
    }
    theme = cookies.get("theme", "")
    access = access_of(request)
    has_session = access is not None and access.kind == "session"
    return Viewer(
        access=access,
        zone=zone_of(cookies.get("zone", "")[:64]),
        theme=theme if theme in THEMES else THEMES[0],
        choices={name: value for name, value in cookies.items() if _WORD.fullmatch(value)},
        csrf=csrf_token(session_cookie(request.scope)) if has_session else "",
    )


def fragment(request: WebRequest, name: str, **context: Any) -> str:
    """A template as text, for who asks."""
    return render(name, viewer_of(request), **context)


def render(name: str, viewer: Viewer, **context: Any) -> str:
    """A template as text."""
    return template(name).render(viewer=viewer, zone=viewer.zone, now=datetime.now(UTC), **context)


def page(
    request: WebRequest, name: str, *, title: str, status: int = 200, **context: Any
) -> ASGIResponse:
    """A whole page.

    Args:
        request: Who asks.
        name: Its template, which extends `base.html`.
        title: What it is called, in the tab too.
        status: The HTTP status.
        context: What the template shows.
    """
    fleet = sources(request).model.fleet()
    body = fragment(
        request,
        name,
        title=title,
        fleet=fleet,
        banner=banner(fleet, viewer_of(request).zone),
        navigation=NAVIGATION,
        path=request.url.path,
        **context,
    )
    return html(body, status)


def html(body: str, status: int = 200) -> ASGIResponse:
    """HTML under our policy."""
    return ASGIResponse(
        body=body,
        status_code=status,
        media_type="text/html",
        headers={"content-security-policy": POLICY, "referrer-policy": "same-origin"},
    )
