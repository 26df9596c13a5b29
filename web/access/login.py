"""The pages `/login` and `/logout`."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from litestar import get, post
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from web.access import pages
from web.access.cookies import drop_cookie, session_cookie, session_name
from web.access.csrf import CHECK, FORM, ORIGIN, csrf_token
from web.access.entering import (
    attempt,
    cookie_of,
    entrance_of,
    retry_after,
    sentence,
    session_of,
    status_of,
    visitor_of,
)
from web.access.forms import read_form
from web.access.locations import HOME, LOGIN, local_path, see_other
from web.access.model import OPEN, ROLE
from web.access.people import LoginRefusedError
from web.sources import WebRequest

Following = Annotated[
    str, QueryParameter(name="next", description="path of this server to go on to")
]


@get("/login", opt={ROLE: OPEN}, include_in_schema=False)
async def show_login(request: WebRequest, following: Following = HOME) -> ASGIResponse:
    """The form, or the way on for who is logged in."""
    following = local_path(following)
    if session_of(request) is not None:
        return see_other(following)
    return login_page(request, following)


@post("/login", opt={ROLE: OPEN, CHECK: ORIGIN}, include_in_schema=False)
async def log_in(request: WebRequest) -> ASGIResponse:
    """Let somebody in by name and password."""
    people = entrance_of(request).people
    fields = await read_form(request, with_token=False)
    following = local_path(fields.get("next", HOME))
    name, password = fields.get("name", ""), fields.get("password", "")
    try:
        opened = await attempt(
            request, lambda visitor: people.log_in(name, password, visitor), name, password
        )
    except LoginRefusedError as error:
        return login_page(request, following, name, error)
    return see_other(following, cookie_of(request, opened))


def login_page(
    request: WebRequest, following: str, name: str = "", error: LoginRefusedError | None = None
) -> ASGIResponse:
    """The form, and why somebody was not let in."""
    entrance = entrance_of(request)
    form = pages.login_form(
        following,
        name,
        "" if error is None else sentence(error),
        entrance.label if entrance.provider is not None else "",
        f"/login/oidc?next={quote(following, safe='/')}",
    )
    if error is None:
        return pages.answer("Log in", form)
    return pages.answer("Log in", form, status=status_of(error), headers=retry_after(error))


@get("/logout", opt={ROLE: OPEN}, include_in_schema=False)
async def show_logout(request: WebRequest) -> ASGIResponse:
    """A button: a link alone must log nobody out."""
    access = session_of(request)
    if access is None:
        return see_other(LOGIN)
    token = csrf_token(session_cookie(request.scope))
    return pages.answer("Log out", pages.logout_form(access.name, token))


@post("/logout", opt={ROLE: OPEN, CHECK: FORM}, include_in_schema=False)
async def log_out(request: WebRequest) -> ASGIResponse:
    """End the session; a browser whose session has ended is just sent on."""
    people = entrance_of(request).people
    scope = request.scope
    if session_of(request) is not None:
        await read_form(request)
        try:
            await people.log_out(visitor_of(request))
        except LoginRefusedError as error:
            return pages.answer(
                "Log out",
                pages.alert(sentence(error)),
                status=status_of(error),
                headers=retry_after(error),
            )
    return see_other(LOGIN, drop_cookie(scope, session_name(scope)))
