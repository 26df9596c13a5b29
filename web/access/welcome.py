"""The page `/welcome`: a one-time link sets a password, or makes the first account.

The secret is behind the `#` of the link: no browser sends that, so no log of any proxy has it. A
script puts it into the form, or a person does.
"""

from __future__ import annotations

from litestar import get, post
from litestar.response.base import ASGIResponse

from web.access import pages
from web.access.csrf import CHECK, ORIGIN
from web.access.entering import (
    attempt,
    cookie_of,
    entrance_of,
    retry_after,
    sentence,
    status_of,
)
from web.access.forms import read_form
from web.access.locations import HOME, see_other
from web.access.model import OPEN, ROLE
from web.access.people import LoginRefusedError, PasswordRefusedError
from web.sources import WebRequest

TITLE = "Welcome"


@get("/welcome", opt={ROLE: OPEN}, include_in_schema=False)
async def show_welcome(request: WebRequest) -> ASGIResponse:
    """The form."""
    try:
        first = not await entrance_of(request).people.has_accounts()
    except LoginRefusedError as error:
        return _refused(error, "", "", first=False)
    return _page("", "", "", first=first)


@post("/welcome", opt={ROLE: OPEN, CHECK: ORIGIN}, include_in_schema=False)
async def accept_link(request: WebRequest) -> ASGIResponse:
    """Set the password, and let them in."""
    people = entrance_of(request).people
    fields = await read_form(request, with_token=False)
    code, name = fields.get("code", "").strip(), fields.get("name", "")
    password = fields.get("password", "")
    first = "name" in fields
    if password != fields.get("again", ""):
        return _page("The two passwords are not the same.", code, name, first=first, status=400)
    try:
        opened = await attempt(
            request, lambda visitor: people.accept(code, name, password, visitor), code
        )
    except PasswordRefusedError as error:
        return _page(str(error), code, name, first=first, status=400)
    except LoginRefusedError as error:
        return _refused(error, code, name, first=first)
    return see_other(HOME, cookie_of(request, opened))


def _page(message: str, code: str, name: str, *, first: bool, status: int = 200) -> ASGIResponse:
    form = pages.welcome_form(message, code, name, first=first)
    return pages.answer(TITLE, form, status=status, script=True)


def _refused(error: LoginRefusedError, code: str, name: str, *, first: bool) -> ASGIResponse:
    form = pages.welcome_form(sentence(error), code, name, first=first)
    return pages.answer(
        TITLE, form, status=status_of(error), headers=retry_after(error), script=True
    )
