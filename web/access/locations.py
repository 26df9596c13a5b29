"""Where a browser goes after it logged in: to a path of this server, never elsewhere."""

from __future__ import annotations

from urllib.parse import quote

from litestar.datastructures import MutableScopeHeaders
from litestar.response.base import ASGIResponse
from litestar.types import HTTPScope

HOME = "/"
LOGIN = "/login"
MOST_CHARACTERS = 2000
_PAGES = ("/account", "/logout")  # what is no GET is asked for anew at these alone
NO_PAGES = ("/api/", "/metrics")


def local_path(text: str) -> str:
    """`text` where it is a path of this server, else `/`.

    Browsers read a backslash as a slash, skip control characters, and take `//` for another host.
    """
    plain = text.isascii() and text.isprintable() and "\\" not in text
    if not plain or len(text) > MOST_CHARACTERS:
        return HOME
    if not text.startswith("/") or text.startswith("//"):
        return HOME
    return text


def login_path(following: str) -> str:
    """The login page, which leads on to `following`."""
    following = local_path(following)
    return LOGIN if following == HOME else f"{LOGIN}?next={quote(following, safe='/')}"


def see_other(location: str, *cookies: str) -> ASGIResponse:
    """A redirect, and cookies to set."""
    headers = [("location", location), *(("set-cookie", each) for each in cookies)]
    return ASGIResponse(status_code=303, headers=headers, media_type="text/html")


def to_login(scope: HTTPScope) -> ASGIResponse | None:
    """For a person at a browser who may not see a page: the way to the login; None for others."""
    headers = MutableScopeHeaders(scope)
    if "text/html" not in headers.get("accept", "") or headers.get("authorization") is not None:
        return None
    path = scope["path"]
    if path.startswith(NO_PAGES):
        return None
    if scope["method"] in ("GET", "HEAD"):
        query = scope["query_string"].decode("latin-1")
        return see_other(login_path(f"{path}?{query}" if query else path))
    return see_other(login_path(path)) if path in _PAGES else None
