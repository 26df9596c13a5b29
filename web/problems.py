"""Every error the API answers with, as one JSON shape (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, cast

import msgspec
from litestar import Request
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.params import QueryParameter
from litestar.response import Response
from litestar.response.base import ASGIResponse
from litestar.types import Scope

from web.expectations import expected
from web.history import HistoryRefused, HistoryUnavailable
from web.paths import shown
from web.problem_documents import (
    CandidateDocument,
    ProblemDocument,
)
from web.request_id import request_id
from web.rest.allowed import with_head

MEDIA_TYPE = "application/problem+json"
KINDS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "Bad request"),
    "bad-body": (400, "Bad body"),
    "bad-parameter": (400, "Bad query parameter"),
    "token-required": (401, "Token required"),
    "wrong-login": (401, "Wrong name or password"),
    "role-required": (403, "Role required"),
    "wrong-origin": (403, "Wrong Origin header"),
    "csrf-token-required": (403, "CSRF token required"),
    "unknown-host": (404, "Unknown host"),
    "unknown-container": (404, "Unknown container"),
    "unknown-image": (404, "Unknown image"),
    "unknown-domain": (404, "Unknown domain"),
    "no-routes": (404, "No routes"),
    "unknown-token": (404, "Unknown token"),
    "unknown-user": (404, "Unknown account"),
    "unknown-path": (404, "Unknown path"),
    "method-not-allowed": (405, "Method not allowed"),
    "body-too-slow": (408, "Body too slow"),
    "name-taken": (409, "Name taken"),
    "last-admin": (409, "Last admin"),
    "config-refused": (409, "Configuration refused"),
    "ambiguous-container": (409, "Ambiguous container"),
    "body-too-large": (413, "Body too large"),
    "unsupported-media-type": (415, "Unsupported media type"),
    "wrong-host-header": (421, "Wrong Host header"),
    "too-many-requests": (429, "Too many requests"),
    "locked-out": (429, "Locked out"),
    "internal-error": (500, "Internal error"),
    "proxy-unreachable": (502, "Proxy unreachable"),
    "proxy-not-understood": (502, "Proxy not understood"),
    "access-unavailable": (503, "Access unavailable"),
    "too-many-previews": (503, "Too many previews"),
    "too-many-scrapes": (503, "Too many scrapes"),
    "too-many-streams": (503, "Too many streams"),
    "logins-unavailable": (503, "Logins unavailable"),
    "routes-unavailable": (503, "Routes unavailable"),
    "routes-incomplete": (503, "Routes incomplete"),
    "live-unavailable": (503, "Live changes unavailable"),
    "state-unavailable": (503, "State unavailable"),
    "reload-unavailable": (503, "Reload unavailable"),
    "history-unavailable": (503, "History unavailable"),
}

logger = logging.getLogger("fleet.web")
_NOTE = "problem"


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer that is not the one hoped for. `kind` is a key of `KINDS`."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        parameter: str | None = None,
        suggestions: Sequence[str] = (),
        candidates: Sequence[CandidateDocument] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.parameter = parameter
        self.suggestions = tuple(suggestions)
        self.candidates = tuple(candidates)
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return KINDS[self.kind][0]

    def document(self, instance: str) -> ProblemDocument:
        """The problem as it is answered; `instance` is the path that was asked for."""
        return ProblemDocument(
            type=f"urn:fleet:problem:{self.kind}",
            title=KINDS[self.kind][1],
            status=self.status,
            detail=self.detail,
            instance=instance,
            parameter=self.parameter,
            suggestions=self.suggestions,
            candidates=self.candidates,
            request_id=request_id(),
        )

    def answer(self, instance: str) -> ASGIResponse:
        """The problem as an ASGI response, for code outside the router."""
        body = msgspec.json.encode(self.document(instance))
        return ASGIResponse(
            body=body, status_code=self.status, media_type=MEDIA_TYPE, headers=self.headers
        )


def note_problem(scope: Scope, problem: Problem) -> None:
    """Leave the kind for the line of the log about this request: what refuses may have no route."""
    cast("dict[str, Any]", scope).setdefault("state", {})[_NOTE] = problem.kind


def noted_problem(scope: Scope) -> str | None:
    """The kind of the problem that was answered; None where there was none."""
    found: str | None = cast("dict[str, Any]", scope).get("state", {}).get(_NOTE)
    return found


def bad_parameter(
    name: str, found: str, *, suggestions: Sequence[str] = (), must_be: str | None = None
) -> Problem:
    """A query parameter with a value that cannot be; `must_be` in place of the usual words."""
    detail = f"Query parameter `{name}` is {found!r}; it must be {must_be or expected(name)}."
    if suggestions:
        detail += f" Did you mean {' or '.join(suggestions)}?"
    return Problem("bad-parameter", detail, parameter=name, suggestions=suggestions)


def _from_validation(request: Request[Any, Any, Any], error: ValidationException) -> Problem:
    """Litestar names the parameter in `extra`; its message is about types, ours about meaning."""
    fields = request.route_handler.parsed_fn_signature.parameters
    extra = error.extra if isinstance(error.extra, list) else []
    for item in extra:
        key = str(item.get("key", "")).partition(".")[0] if isinstance(item, dict) else ""
        kwarg = fields[key].kwarg_definition if key in fields else None
        name = (kwarg.name if isinstance(kwarg, QueryParameter) else None) or key
        if found := request.query_params.getall(name, []):
            must_be = kwarg.description if isinstance(kwarg, QueryParameter) else None
            return bad_parameter(name, ", ".join(found), must_be=must_be)
    return Problem("bad-request", error.detail)


def translate(request: Request[Any, Any, Any], error: Exception) -> Problem:
    """What was raised while a request was answered, as a problem; a defect is logged."""
    match error:
        case Problem():
            return error
        case HistoryUnavailable():
            return Problem("history-unavailable", str(error), headers={"retry-after": "5"})
        case HistoryRefused():
            kind = "bad-parameter" if error.parameter else "bad-request"
            return Problem(kind, str(error), parameter=error.parameter)
        case ValidationException():
            return _from_validation(request, error)
        case NotFoundException():
            return Problem(
                "unknown-path",
                f"There is nothing at {request.scope['path']}. All paths are in /api/openapi.json.",
            )
        case MethodNotAllowedException():
            allowed = with_head((error.headers or {}).get("allow", "GET").split(", "))
            return Problem(
                "method-not-allowed",
                f"{request.method} does nothing here; use {allowed}.",
                headers={"allow": allowed},
            )
        case HTTPException() if error.status_code < 500:
            return Problem("bad-request", error.detail)
    logger.error("answering %s failed", request.scope["path"], exc_info=error)
    return Problem(
        "internal-error",
        f"This is a defect of fleet; its log has the details under the request id {request_id()}.",
    )


def answer_exception(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler: turn whatever was raised into a problem document."""
    problem = translate(request, error)
    note_problem(request.scope, problem)
    return Response(
        content=msgspec.json.encode(problem.document(shown(request.scope["path"]))),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )
