"""`/api/users`: the accounts of people, for admins."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, TypeVar

from litestar import delete, get, patch, post
from litestar.datastructures import MutableScopeHeaders
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from web.access.admission import RETRY, address_of
from web.access.desk import DeskClosedError, DeskRefusedError
from web.access.documents import (
    LinkDocument,
    LoggedOutDocument,
    UserDocument,
    UsersDocument,
)
from web.access.entering import PEOPLE, Entrance
from web.access.forms import JSON_TYPE, read_json
from web.access.model import ROLE, ROLES
from web.access.roster import LastAdminError, Roster, UserChange, UserWanted
from web.access.token_api import who_asks
from web.answers import json_answer
from web.attaching import attached
from web.documents import Document
from web.expectations import MAX_PAGE, expected
from web.parameters import Cursor, Fields
from web.paths import segment
from web.problems import Problem
from web.rest.listings import USERS
from web.rest.pages import Cut, cut_page, page_answer
from web.schema import answers, problems
from web.sources import WebRequest, sources

T = TypeVar("T")

ADMIN = {ROLE: "admin"}
LINK_HOLDS = timedelta(hours=1)
UserLimit = Annotated[
    int | None,
    QueryParameter(
        name="limit",
        description=f"{expected('limit')}; all accounts unless given",
        ge=1,
        le=MAX_PAGE,
    ),
]

_TEXT = Schema(type=OpenAPIType.STRING)
_ROLE = Schema(type=OpenAPIType.STRING, enum=list(ROLES))
_LABELS = Schema(type=OpenAPIType.ARRAY, items=_TEXT)


class _WithBody(Operation):
    """What the schema tells: the handler reads the body by itself."""

    properties: ClassVar[dict[str, Any]] = {}
    needed: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        body = Schema(
            type=OpenAPIType.OBJECT,
            properties=self.properties,
            required=list(self.needed) or None,
            additional_properties=False,
        )
        self.request_body = RequestBody(
            content={JSON_TYPE: OpenAPIMediaType(schema=body)}, required=True
        )


class _WithUser(_WithBody):
    properties: ClassVar[dict[str, Any]] = {"name": _TEXT, "role": _ROLE, "labels": _LABELS}
    needed = ("name",)


class _WithChange(_WithBody):
    properties: ClassVar[dict[str, Any]] = {
        "role": _ROLE,
        "labels": _LABELS,
        "disabled": Schema(type=OpenAPIType.BOOLEAN),
    }


def _made(document: type[Document]) -> dict[int, ResponseSpec]:
    answer = ResponseSpec(document, description="What was made", generate_examples=False)
    return {201: answer, **problems(400, 403, 408, 409, 413, 415, 503)}


@get("/api/users", responses=answers(UsersDocument, 403, 503), opt=ADMIN)
async def list_users(
    request: WebRequest, fields: Fields = None, limit: UserLimit = None, cursor: Cursor = None
) -> ASGIResponse:
    """Accounts, by name, all unless `limit` is given: what they may, never their passwords."""
    found = await at_roster(roster_of(request).users())
    cut = Cut(limit or max(1, len(found)), cursor=cursor)
    items, page = cut_page(found, USERS.order(None), cut)
    document = UsersDocument(users=tuple(items), page=page)
    return page_answer(request, document, page, "users", fields)


@post(
    "/api/users",
    status_code=201,
    responses=_made(LinkDocument),
    opt=ADMIN,
    operation_class=_WithUser,
)
async def make_user(request: WebRequest) -> ASGIResponse:
    """Make an account of `{"name": ..., "role": ..., "labels": [...]}`.

    The answer has a link with which its owner sets a password, once within an hour.
    """
    roster = roster_of(request)
    wanted = await read_json(request, UserWanted)
    path = await at_roster(roster.add(wanted, who_asks(request), address_of(request.scope)))
    return json_answer(link_document(request, wanted.name.strip().lower(), path), 201)


@patch(
    "/api/users/{name:str}",
    responses=answers(UserDocument, 403, 404, 408, 409, 413, 415, 503),
    opt=ADMIN,
    operation_class=_WithChange,
)
async def change_user(request: WebRequest, name: FromPath[str]) -> ASGIResponse:
    """Change what an account may (`role`, with `labels`), or whether it is `disabled`.

    Open sessions and streams follow within seconds; those of an account that is disabled end.
    """
    change = await read_json(request, UserChange)
    work = roster_of(request).change(
        segment(name), change, who_asks(request), address_of(request.scope)
    )
    return json_answer(_known(await at_roster(work), name))


@delete(
    "/api/users/{name:str}",
    status_code=200,
    responses=answers(UserDocument, 403, 404, 409, 503),
    opt=ADMIN,
)
async def remove_user(request: WebRequest, name: FromPath[str]) -> ASGIResponse:
    """Remove an account with its sessions."""
    work = roster_of(request).remove(segment(name), who_asks(request), address_of(request.scope))
    return json_answer(_known(await at_roster(work), name))


@post(
    "/api/users/{name:str}/link",
    status_code=201,
    responses={**_made(LinkDocument), **problems(404)},
    opt=ADMIN,
)
async def make_link(request: WebRequest, name: FromPath[str]) -> ASGIResponse:
    """Make a link that sets the password of an account, in place of earlier ones."""
    work = roster_of(request).link(segment(name), who_asks(request), address_of(request.scope))
    path = _known(await at_roster(work), name)
    return json_answer(link_document(request, segment(name).strip().lower(), path), 201)


@post(
    "/api/users/{name:str}/logout",
    status_code=200,
    responses=answers(LoggedOutDocument, 403, 404, 503),
    opt=ADMIN,
)
async def log_out(request: WebRequest, name: FromPath[str]) -> ASGIResponse:
    """End all sessions of an account."""
    work = roster_of(request).log_out(segment(name), who_asks(request), address_of(request.scope))
    many = _known(await at_roster(work), name)
    return json_answer(LoggedOutDocument(name=segment(name).strip().lower(), sessions=many))


def roster_of(request: WebRequest) -> Roster:
    """Where accounts are.

    Raises:
        Problem: No database is in use (503).
    """
    roster = sources(request).roster
    if roster is None:
        raise Problem("access-unavailable", "No database is in use, so there are no accounts.")
    return roster


async def at_roster(work: Awaitable[T]) -> T:
    """What comes of it.

    Raises:
        Problem: It is refused (400, 409), or the database is away (503).
    """
    try:
        return await work
    except DeskClosedError as error:
        raise Problem("access-unavailable", str(error), headers=RETRY) from error
    except DeskRefusedError as error:
        raise Problem("name-taken" if error.taken else "bad-body", str(error)) from error
    except LastAdminError as error:
        raise Problem("last-admin", str(error)) from error


def link_document(request: WebRequest, name: str, path: str) -> LinkDocument:
    """A link as who is given it opens it: where browsers reach this server."""
    entrance = attached(request.scope, PEOPLE)
    public = entrance.public_url if isinstance(entrance, Entrance) else ""
    host = MutableScopeHeaders(request.scope).get("host", "")
    base = public or f"{request.scope['scheme']}://{host}"
    return LinkDocument(name=name, link=base + path, expires=datetime.now(UTC) + LINK_HOLDS)


def _known(found: T | None, name: str) -> T:
    if found is None:
        raise Problem(
            "unknown-user", f"No account is called {segment(name)!r}. /api/users lists all."
        )
    return found
