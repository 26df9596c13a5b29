"""`/api/docs`: a page of ours on which the API can be read and tried, also without the internet."""

from __future__ import annotations

from importlib.resources import files

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from web.access.model import OPEN, ROLE
from web.rest.answering import TAGGED

# For this page alone: a script of ours may run, and ask us.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_FILES = {
    "/api/docs": ("docs.html", "text/html; charset=utf-8"),
    "/api/docs/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "/api/docs/docs.css": ("docs.css", "text/css; charset=utf-8"),
}


def _handler(path: str, name: str, media_type: str) -> HTTPRouteHandler:
    body = (files("web.rest") / name).read_bytes()
    headers = {"content-type": media_type, "content-security-policy": _POLICY}

    # It says nothing of the fleet, and a person must see it to enter a token.
    @get(path, opt={ROLE: OPEN, TAGGED: True}, include_in_schema=False, name=f"docs {name}")
    async def show() -> ASGIResponse:
        return ASGIResponse(body=body, headers=headers)

    return show


DOCS = tuple(_handler(path, name, kind) for path, (name, kind) in _FILES.items())
