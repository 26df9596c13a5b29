"""The page `/account`: who one is, one's sessions, another password."""

from __future__ import annotations

from litestar import get, post
from litestar.response.base import ASGIResponse

from web.access import pages
from web.access.cookies import session_cookie
from web.access.csrf import CHECK, FORM, csrf_token
from web.access.entering import (
    attempt,
    entrance_of,
    sentence,
    session_of,
    status_of,
    visitor_of,
)
from web.access.forms import read_form
from web.access.locations import login_path, see_other
from web.access.model import Access
from web.access.people import LoginRefusedError, PasswordRefusedError
from web.sources import WebRequest

PATH = "/account"


@get(PATH, include_in_schema=False)
async def show_account(request: WebRequest) -> ASGIResponse:
    """The page, for who is logged in."""
    access = session_of(request)
    return see_other(login_path(PATH)) if access is None else _page(request, access)


@post("/account/password", opt={CHECK: FORM}, include_in_schema=False)
async def change_password(request: WebRequest) -> ASGIResponse:
    """Set another password."""
    access = session_of(request)
    if access is None:
        return see_other(login_path(PATH))
    people = entrance_of(request).people
    fields = await read_form(request)
    current, password = fields.get("current", ""), fields.get("password", "")
    if password != fields.get("again", ""):
        return _page(request, access, "The two passwords are not the same.", status=400)
    try:
        await attempt(
            request,
            lambda visitor: people.change_password(access, current, password, visitor),
            access.name,
            current,
        )
    except PasswordRefusedError as error:
        return _page(request, access, str(error), status=400)
    except LoginRefusedError as error:
        return _page(request, access, sentence(error), status=status_of(error))
    return _page(request, access, done="The password is changed; other sessions have ended.")


@post("/account/logout-others", opt={CHECK: FORM}, include_in_schema=False)
async def log_out_others(request: WebRequest) -> ASGIResponse:
    """End all other sessions."""
    access = session_of(request)
    if access is None:
        return see_other(login_path(PATH))
    await read_form(request)
    try:
        many = await entrance_of(request).people.log_out_others(access, visitor_of(request))
    except LoginRefusedError as error:
        return _page(request, access, sentence(error), status=status_of(error))
    return _page(request, access, done=f"{many} other session{'' if many == 1 else 's'} ended.")


def _page(
    request: WebRequest, access: Access, message: str = "", *, done: str = "", status: int = 200
) -> ASGIResponse:
    own = entrance_of(request).people.own(access)
    hosts = " and ".join(key if value is None else f"{key}={value}" for key, value in access.scope)
    body = pages.account_page(
        access.name,
        access.role,
        f"hosts with {hosts}" if hosts else "all hosts",
        csrf_token(session_cookie(request.scope)),
        own.sessions,
        access.id,
        message,
        done,
        has_password=own.has_password,
    )
    return pages.answer("Account", body, status=status, wide=True)
