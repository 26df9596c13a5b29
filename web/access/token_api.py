"""`/api/tokens` and `/api/audit`, for admins."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, TypeVar

import msgspec
from litestar import delete, get, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from web.access.admission import RETRY, address_of
from web.access.audit_pages import cut_audit, place_of
from web.access.desk import AuditFilter, Desk, DeskClosedError, DeskRefusedError, TokenWanted
from web.access.documents import AuditDocument, NewTokenDocument, TokenDocument, TokensDocument
from web.access.model import AUDIT_KINDS, ROLE, access_of
from web.answers import json_answer
from web.expectations import MAX_PAGE, expected
from web.parameters import Cursor, Fields, Limit, Since
from web.paths import segment
from web.problems import Problem, bad_parameter
from web.rest.listings import TOKENS
from web.rest.pages import Cut, cut_page, page_answer
from web.revp.bodies import content_type, read_body
from web.schema import answers, problems
from web.sources import WebRequest, sources
from web.times import parse_time

T = TypeVar("T")

MOST_BYTES = 16 * 1024
ADMIN = {ROLE: "admin"}

AuditKind = Annotated[
    str | None, QueryParameter(name="kind", description="such as token-used; any unless given")
]
AuditWho = Annotated[
    str | None, QueryParameter(name="who", description="a token's id or an account's name")
]
AuditAddress = Annotated[
    str | None, QueryParameter(name="address", description="a client's, without its port")
]
TokenLimit = Annotated[
    int | None,
    QueryParameter(
        name="limit",
        description=f"{expected('limit')}; all tokens unless given",
        ge=1,
        le=MAX_PAGE,
    ),
]
Before = Annotated[
    str | None,
    QueryParameter(name="before", description="a time as in `since`, for what was before it"),
]


@get("/api/tokens", responses=answers(TokensDocument, 403, 503), opt=ADMIN)
async def list_tokens(
    request: WebRequest,
    fields: Fields = None,
    limit: TokenLimit = None,
    cursor: Cursor = None,
) -> ASGIResponse:
    """Tokens, the oldest first, all unless `limit` is given: who they are, never what proves it."""
    found = await _at(_desk(request).tokens())
    cut = Cut(limit or max(1, len(found)), cursor=cursor)
    items, page = cut_page(found, TOKENS.order(None), cut)
    document = TokensDocument(tokens=tuple(items), page=page)
    return page_answer(request, document, page, "tokens", fields)


@post(
    "/api/tokens",
    status_code=201,
    responses={
        201: ResponseSpec(NewTokenDocument, description="The token", generate_examples=False),
        **problems(400, 403, 408, 409, 413, 415, 503),
    },
    opt=ADMIN,
)
async def make_token(request: WebRequest) -> ASGIResponse:
    """Make a token of `{"name": ..., "role": ..., "labels": [...], "expires": "90d"}`.

    The answer is the only place where it stands.
    """
    desk = _desk(request)
    wanted = await _wanted(request)
    made = await _at(desk.make(wanted, who_asks(request), address_of(request.scope)))
    return json_answer(made, 201)


@delete(
    "/api/tokens/{ref:str}",
    status_code=200,
    responses=answers(TokenDocument, 403, 404, 503),
    opt=ADMIN,
)
async def revoke_token(request: WebRequest, ref: FromPath[str]) -> ASGIResponse:
    """Revoke a token by its id or name; what was begun with it ends within seconds."""
    wanted = segment(ref)
    work = _desk(request).revoke(wanted, who_asks(request), address_of(request.scope))
    revoked = await _at(work)
    if revoked is None:
        raise Problem(
            "unknown-token",
            f"No token that is in use has the id or name {wanted!r}. /api/tokens lists all.",
        )
    return json_answer(revoked)


@get("/api/audit", responses=answers(AuditDocument, 403, 503), opt=ADMIN)
async def show_audit(
    request: WebRequest,
    kind: AuditKind = None,
    who: AuditWho = None,
    address: AuditAddress = None,
    since: Since = None,
    before: Before = None,
    fields: Fields = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ASGIResponse:
    """What was done with tokens and accounts, newest first."""
    if kind is not None and kind not in AUDIT_KINDS:
        close = get_close_matches(kind, AUDIT_KINDS, n=2)
        must_be = f"one of {', '.join(AUDIT_KINDS)}"
        raise bad_parameter("kind", kind, suggestions=close, must_be=must_be)
    now = datetime.now(UTC)
    wanted = AuditFilter(
        kind=kind,
        who=who,
        address=address,
        since=parse_time("since", since, now) if since else None,
        before=parse_time("before", before, now) if before else None,
        behind=None if cursor is None else place_of(cursor),
    )
    document = cut_audit(await _at(_desk(request).audit(wanted, limit + 1)), limit)
    return page_answer(request, document, document.page, "entries", fields)


def _desk(request: WebRequest) -> Desk:
    desk = sources(request).desk
    if desk is None:
        raise Problem("access-unavailable", "No database is in use, so there are no tokens.")
    return desk


async def _at(work: Awaitable[T]) -> T:
    try:
        return await work
    except DeskClosedError as error:
        raise Problem("access-unavailable", str(error), headers=RETRY) from error
    except DeskRefusedError as error:
        raise Problem("name-taken" if error.taken else "bad-body", str(error)) from error


async def _wanted(request: WebRequest) -> TokenWanted:
    """The body. Only JSON is read: a form of another site cannot send that without asking."""
    kind = content_type(request)
    if kind != "application/json":
        raise Problem(
            "unsupported-media-type", f"Send application/json; this is {kind or 'nothing'}."
        )
    body = await read_body(request, MOST_BYTES)
    try:
        return msgspec.json.decode(body, type=TokenWanted)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Problem("bad-body", f"The body cannot be read: {error}.") from error


def who_asks(request: WebRequest) -> str:
    """Who it is, as the audit has it: a token's id or an account's name."""
    access = access_of(request)
    assert access is not None  # noqa: S101 - the guard lets only admins in, narrows the type
    return access.id if access.kind == "token" else access.name
