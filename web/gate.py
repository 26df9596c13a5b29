"""What stands before the router: who may ask, how much they may send, what every answer carries.

It sees also what no route answers, so a refused client learns nothing of the paths.
"""

from __future__ import annotations

from typing import cast

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send, WebSocketScope

from web.access.admission import Admission
from web.access.locations import to_login
from web.live.admission import SOCKET_PATH, check_origin, offered_token, refuse_socket
from web.paths import routable
from web.problems import Problem, note_problem
from web.request_head import Head, head_of

MAX_BODY = 64 * 1024  # what takes no body: this is only for the polite
MAX_PREVIEW = 1024 * 1024
BODIES = {  # what is read takes care of its end itself
    ("POST", "/api/revp/preview"): MAX_PREVIEW,
    ("POST", "/routes"): MAX_PREVIEW,
}
STREAMS = ("/api/stream/", "/api/revp/stream", "/live/")
FOLLOWS = b"follow="  # in a query: the answer may be a stream
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
)


def host_of(header: str) -> str:
    """The name in a Host header, without port and brackets, in lower case.

    The port is not looked at: behind `ssh -L 9000:localhost:8080` it is another one.
    """
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower().removesuffix(".")


class Gate:
    """ASGI application around the router.

    Args:
        app: The router.
        names: Host names that may be asked for; None allows all. On loopback this stops web pages
            that point a name of theirs at 127.0.0.1 (DNS rebinding).
        admission: Finds out who asks.
        has_login: Whether people can log in: at a page that browsers are led to.
    """

    def __init__(
        self,
        app: ASGIApp,
        names: frozenset[str] | None,
        admission: Admission,
        *,
        has_login: bool = False,
    ) -> None:
        self._app = app
        self._names = names
        self._admission = admission
        self._has_login = has_login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on, or answer with the problem."""
        kind: str = scope["type"]
        if kind == "websocket":
            await self._admit(cast("WebSocketScope", scope), receive, send)
            return
        if kind != "http":
            await self._app(scope, receive, send)
            return
        http = cast("HTTPScope", scope)  # its type says so

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                added = [header for header in SECURITY_HEADERS if header[0] not in own]
                message["headers"] = [*message["headers"], *added]
                if http is not scope and "path_template" in http:
                    scope["path_template"] = http["path_template"]
            await send(message)

        try:
            await self._check(http)
        except Problem as problem:
            note_problem(http, problem)
            refused = self._has_login and problem.kind == "token-required"
            aside = to_login(http) if refused else None
            await (aside or problem.answer(http["path"]))(http, receive, send_guarded)
            return
        http["path"] = routable(http["path"], http["raw_path"])
        if http["method"] == "HEAD" and not _may_stream(http):
            # The server leaves out the body by its own copy of the method.
            http = cast("HTTPScope", {**http, "method": "GET"})
        await self._app(http, receive, send_guarded)

    async def _admit(self, scope: WebSocketScope, receive: Receive, send: Send) -> None:
        if scope["path"] != SOCKET_PATH:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        head = head_of(scope)
        host = head.first(b"host") or ""
        try:
            if self._names is not None:
                self._check_host(host)
            check_origin(head.first(b"origin"), host)
            await self._admission.admit(scope, offered_token(scope["subprotocols"]))
        except Problem as problem:
            await refuse_socket(problem, scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _check(self, scope: HTTPScope) -> None:
        head = head_of(scope)
        if self._names is not None:
            self._check_host(head.first(b"host") or "")
        await self._admission.admit(scope)
        self._check_body(scope, head)

    def _check_body(self, scope: HTTPScope, head: Head) -> None:
        limit = BODIES.get((scope["method"], scope["path"]))
        size = _body_size(head)
        if limit is None and (size is None or size > MAX_BODY):
            raise Problem("body-too-large", f"A body may have {MAX_BODY} bytes; send none.")
        if limit is not None and size is not None and size > limit:
            raise Problem("body-too-large", f"A body may have {limit} bytes here.")

    def _check_host(self, header: str) -> None:
        assert self._names is not None  # noqa: S101 - narrows the type for the caller's check
        if host_of(header) not in self._names:
            raise Problem(
                "wrong-host-header",
                f"This server is not called {header!r}. Ask for one of "
                f"{', '.join(sorted(self._names))}, as is usual on the machine itself.",
            )


def _may_stream(scope: HTTPScope) -> bool:
    """Whether the answer may be a stream, of which a HEAD would never end."""
    return scope["path"].startswith(STREAMS) or FOLLOWS in scope["query_string"]


def _body_size(head: Head) -> int | None:
    """Announced bytes of the body; None for a chunked one, which announces nothing."""
    if b"transfer-encoding" in head:
        return None
    length = head.first(b"content-length")
    return int(length) if length is not None and length.isdecimal() else 0
