"""One id for each request: in its answer, in its problem, and in each line of the log about it."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from web.access.model import Access
from web.exposition.http import route_of
from web.problems import noted_problem
from web.request_head import head_of
from web.request_id import HEADER, KEY, chosen_id

SOCKET_REFUSED = 403  # what a server makes of a socket that is closed before it was accepted
_BEGINS = {
    "http.response.start",
    "websocket.accept",
    "websocket.http.response.start",
}
_logger = logging.getLogger("fleet.web.access")


class Correlation:
    """The outermost ASGI layer: gives each request its id, and a line of the log at its end.

    Args:
        app: What answers.
        access_log: Whether that line is told at the level info, else at debug.
    """

    def __init__(self, app: ASGIApp, *, access_log: bool = False) -> None:
        self._app = app
        self._level = logging.INFO if access_log else logging.DEBUG

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or keep one WebSocket."""
        kind: str = scope["type"]
        if kind not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        chosen = chosen_id(head_of(scope))
        # Layers further in may go on with a copy of the scope, but what they note here is shared.
        cast("dict[str, Any]", scope).setdefault("state", {})
        answer = _Answer(chosen, send)
        began = perf_counter()
        bound = bind_contextvars(**{KEY: chosen})
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            error.add_note(f"while answering the request {chosen}")
            raise
        finally:
            if _logger.isEnabledFor(self._level):
                self._tell(scope, answer, perf_counter() - began)
            reset_contextvars(**bound)

    def _tell(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        method = scope["method"] if scope["type"] == ScopeType.HTTP else "WEBSOCKET"
        route = route_of(scope) or "none"  # never the path: it may hold what is nobody's business
        client = scope.get("client")
        facts: dict[str, Any] = {
            "method": method,
            "route": route,
            "status": answer.status,
            "seconds": round(seconds, 4),
            "bytes": answer.bytes,
            "client": client[0] if client else None,
            "who": _who(scope),
        }
        if (problem := noted_problem(scope)) is not None:
            facts["problem"] = problem
        told = answer.status or "not answered"  # its client left
        _logger.log(self._level, "%s %s %s", method, route, told, extra=facts)


class _Answer:
    """What is sent: its status and size, and the id in its head."""

    def __init__(self, chosen: str, send: Send) -> None:
        self._header = (HEADER, chosen.encode())
        self._send = send
        self.status: int | None = None
        self.bytes = 0

    async def send(self, message: Message) -> None:
        facts = cast("dict[str, Any]", message)
        kind: str = facts["type"]
        if kind in _BEGINS:
            self.status = facts.get("status", 101)
            facts["headers"] = [*facts.get("headers", ()), self._header]
        elif kind == "websocket.close" and self.status is None:
            self.status = SOCKET_REFUSED
        else:
            body = facts.get("body") or facts.get("bytes") or facts.get("text") or ""
            self.bytes += len(body)
        await self._send(message)


def _who(scope: Scope) -> str:
    access = cast("dict[str, Any]", scope)["state"].get("access")
    if not isinstance(access, Access):
        return "nobody"
    named = access.name or access.id
    return access.kind if named in ("", access.kind) else f"{access.kind} {named}"
