"""The settings of access: who looks, tokens, accounts, and the audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from web.access.audit_pages import cut_audit, place_of
from web.access.csrf import CHECK, FORM
from web.access.desk import AuditFilter, DeskClosedError
from web.access.documents import TokenDocument, UserDocument
from web.access.entering import PEOPLE, Entrance
from web.access.forms import read_form
from web.access.model import AUDIT_KINDS, ROLE, ROLES, Access, access_of
from web.access.people import LoginRefusedError
from web.pages.declaring import page_at, post_at
from web.pages.settings import SECTIONS
from web.pages.settings_acts import Outcome, act
from web.pages.shell import page
from web.problems import bad_parameter
from web.sources import Sources, WebRequest, sources
from web.times import parse_time

AUDIT_PAGE = 50
NO_DATABASE = "No database is in use, so there are no tokens and accounts."
NOTHING = Outcome()
BLANK = {"name": "", "role": "", "labels": "", "expires": ""}
_Kind = Annotated[str, QueryParameter(name="kind", description="what was done")]
_Who = Annotated[str, QueryParameter(name="who", description="a token's id or an account's name")]
_Address = Annotated[str, QueryParameter(name="address", description="a client's")]
_Since = Annotated[str, QueryParameter(name="since", description="a time, or so long ago")]
_Cursor = Annotated[str | None, QueryParameter(name="cursor", description="where a page begins")]


@page_at("/settings/access")
async def show_access_page(request: WebRequest) -> ASGIResponse:
    """Who may."""
    return await _access_page(request, NOTHING)


@post_at("/settings/access", opt={ROLE: "admin", CHECK: FORM})
async def change_access(request: WebRequest) -> ASGIResponse:
    """Make, change or end a token or an account, and show the page as it is then."""
    return await _access_page(request, await act(request, await read_form(request)))


@page_at("/settings/audit")
async def show_audit_page(
    request: WebRequest,
    kind: _Kind = "",
    who: _Who = "",
    address: _Address = "",
    since: _Since = "",
    cursor: _Cursor = None,
) -> ASGIResponse:
    """What was done with tokens and accounts, newest first."""
    if kind and kind not in AUDIT_KINDS:
        raise bad_parameter("kind", kind, must_be=f"one of {', '.join(AUDIT_KINDS)}")
    wanted = AuditFilter(
        kind=kind or None,
        who=who.strip() or None,
        address=address.strip() or None,
        since=parse_time("since", since.strip(), datetime.now(UTC)) if since.strip() else None,
        behind=None if cursor is None else place_of(cursor),
    )
    access, source = access_of(request), sources(request)
    found, trouble = None, NO_DATABASE if source.desk is None else ""
    if source.desk is not None and _is_admin(access):
        try:
            entries = await source.desk.audit(wanted, AUDIT_PAGE + 1)
            found = cut_audit(entries, AUDIT_PAGE)
        except DeskClosedError as error:
            trouble = str(error)
    asked = [("kind", kind), ("who", who), ("address", address), ("since", since)]
    return page(
        request,
        "settings/audit.html",
        title="Audit",
        sections=SECTIONS,
        may=_is_admin(access),
        found=found,
        trouble=trouble,
        asked=dict(asked),
        query=[pair for pair in asked if pair[1]],
        is_first=cursor is None,
        kinds=AUDIT_KINDS,
    )


async def _access_page(request: WebRequest, outcome: Outcome) -> ASGIResponse:
    access, source = access_of(request), sources(request)
    may = _is_admin(access)
    known: dict[str, Any] = {"tokens": (), "ended": (), "users": (), "trouble": ""}
    if may:
        known |= await _known(source)
    answer = page(
        request,
        "settings/access.html",
        title="Access",
        status=outcome.status,
        sections=SECTIONS,
        access=access,
        may=may,
        first=await _first(request, access),
        outcome=outcome,
        again={**BLANK, **outcome.again},
        making=outcome.again.get("do", ""),
        roles=ROLES,
        soon=datetime.now(UTC) + timedelta(days=7),
        **known,
    )
    answer.headers.add("cache-control", "no-store")
    return answer


async def _known(source: Sources) -> dict[str, Any]:
    """Tokens and accounts, or why they are not known."""
    if source.desk is None or source.roster is None:
        return {"trouble": NO_DATABASE}
    try:
        tokens: Sequence[TokenDocument] = await source.desk.tokens()
        users: Sequence[UserDocument] = await source.roster.users()
    except DeskClosedError as error:
        return {"trouble": str(error)}
    now = datetime.now(UTC)
    return {
        "tokens": [token for token in tokens if not _has_ended(token, now)],
        "ended": [token for token in reversed(tokens) if _has_ended(token, now)],
        "users": users,
    }


def _has_ended(token: TokenDocument, now: datetime) -> bool:
    return token.revoked is not None or (token.expires is not None and token.expires <= now)


def _is_admin(access: Access | None) -> bool:
    return access is not None and access.may("admin")


async def _first(request: WebRequest, access: Access | None) -> bool:
    """Whether nobody has an account, and who looks needs none to read."""
    entrance = request.app.state.get(PEOPLE)
    if access is None or access.kind != "anonymous" or not isinstance(entrance, Entrance):
        return False
    try:
        return not await entrance.people.has_accounts()
    except LoginRefusedError:  # the database is away
        return False
