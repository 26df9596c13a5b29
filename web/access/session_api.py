"""`/api/session`: who asks, and how programs in a browser log in and out."""

from __future__ import annotations

from litestar import Response, delete, get, post, put
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.response.base import ASGIResponse

from web.access.cookies import drop_cookie, session_cookie, session_name
from web.access.csrf import CHECK, ORIGIN, csrf_token
from web.access.documents import SessionDocument
from web.access.entering import (
    attempt,
    cookie_of,
    entrance_of,
    problem_of,
    session_of,
    visitor_of,
)
from web.access.forms import JSON_TYPE, read_json
from web.access.model import OPEN, ROLE, Access, access_of
from web.access.people import LoginRefusedError, PasswordRefusedError
from web.answers import json_answer
from web.documents import Document
from web.problems import Problem
from web.schema import answers, problems
from web.sources import WebRequest


class Login(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name and a password."""

    name: str
    password: str


class NewPassword(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The present password, and another one."""

    current: str
    password: str


_TEXT = Schema(type=OpenAPIType.STRING)


class _WithTexts(Operation):
    """What the schema tells: the handler reads the body by itself."""

    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        texts = Schema(
            type=OpenAPIType.OBJECT,
            properties=dict.fromkeys(self.names, _TEXT),
            required=list(self.names),
            additional_properties=False,
        )
        json = {JSON_TYPE: OpenAPIMediaType(schema=texts)}
        self.request_body = RequestBody(content=json, required=True)


class _WithLogin(_WithTexts):
    names = Login.__struct_fields__


class _WithPassword(_WithTexts):
    names = NewPassword.__struct_fields__


@get("/api/session", responses=answers(SessionDocument, 401))
async def show_session(request: WebRequest) -> ASGIResponse:
    """Who asks, by a session, a token or nothing, and what they may."""
    access = access_of(request)
    if access is None:
        raise Problem("token-required", "Nobody is logged in.")
    cookie = session_cookie(request.scope) if access.kind == "session" else None
    return _answer(access, None if cookie is None else csrf_token(cookie))


@post(
    "/api/session",
    opt={ROLE: OPEN, CHECK: ORIGIN},
    responses={
        201: answers(SessionDocument)[200],
        **problems(400, 401, 403, 408, 413, 415, 429, 503),
    },
    operation_class=_WithLogin,
)
async def begin_session(request: WebRequest) -> ASGIResponse:
    """Log in by name and password: the answer sets the cookie of a session."""
    people = entrance_of(request).people
    login = await read_json(request, Login)
    try:
        opened = await attempt(
            request,
            lambda visitor: people.log_in(login.name, login.password, visitor),
            login.name,
            login.password,
        )
    except LoginRefusedError as error:
        raise problem_of(error) from None
    answer = _answer(opened.access, csrf_token(opened.cookie), status=201)
    answer.headers.add("set-cookie", cookie_of(request, opened))
    return answer


@delete("/api/session", opt={ROLE: OPEN}, status_code=204, responses=problems(403, 503))
async def end_session(request: WebRequest) -> Response[None]:
    """Log out."""
    scope = request.scope
    if session_of(request) is not None:
        try:
            await entrance_of(request).people.log_out(visitor_of(request))
        except LoginRefusedError as error:
            raise problem_of(error) from None
    dropped = drop_cookie(scope, session_name(scope))
    return Response(None, headers={"set-cookie": dropped})


@put(
    "/api/session/password",
    status_code=204,
    responses=problems(400, 401, 403, 408, 413, 415, 429, 503),
    operation_class=_WithPassword,
)
async def change_password(request: WebRequest) -> None:
    """Set another password: all other sessions of the account end."""
    access = session_of(request)
    if access is None:
        raise Problem("role-required", "Only who is logged in with an account has a password.")
    people = entrance_of(request).people
    wanted = await read_json(request, NewPassword)
    try:
        await attempt(
            request,
            lambda visitor: people.change_password(
                access, wanted.current, wanted.password, visitor
            ),
            access.name,
            wanted.current,
        )
    except PasswordRefusedError as error:
        raise Problem("bad-body", str(error)) from None
    except LoginRefusedError as error:
        raise problem_of(error) from None


def _answer(access: Access, csrf: str | None, *, status: int = 200) -> ASGIResponse:
    document = SessionDocument(
        kind=access.kind,
        name=access.name,
        role=access.role,
        scope=tuple(key if value is None else f"{key}={value}" for key, value in access.scope),
        expires=access.expires,
        csrf=csrf,
    )
    return json_answer(document, status)
