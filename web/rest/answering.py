"""The layer around the router through which all answers go, but streams.

It tags answers, sends them only to who does not have them, compresses them, and keeps those that
their handlers say may be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Literal, cast

import anyio
import anyio.to_thread
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from web.access.model import Access
from web.request_head import head_of
from web.rest.answer import Answer, Form, Headers
from web.rest.encodings import Coding, choose_coding
from web.rest.kept import Entry, Kept
from web.sse import is_stream

Subject = Literal["live", "routes"]
Versions = Mapping[Subject, Callable[[], Hashable]]

KEPT = "kept"
"""A handler's key of `opt`: the subject of which its answers alone tell, beside path and query."""
TAGGED = "tagged"
"""A handler's key of `opt`: whether answers have an `ETag`; those in JSON do unless told."""
BIG = 32 * 1024  # bytes that are compressed in a thread, so that others need not wait
MOST_WAITING = 8  # answers that wait to be compressed; more are sent as they are
_WAITS = b"wait="  # in a query: the answer depends on how long that takes


class Answering:
    """ASGI application around the router.

    Args:
        app: The router.
        versions: What tells whether a subject has changed: another value then.
        kept: Where answers are kept.
    """

    def __init__(self, app: ASGIApp, versions: Versions, kept: Kept | None = None) -> None:
        self._app = app
        self._versions = versions
        self._kept = kept or Kept()
        self._threads = anyio.CapacityLimiter(1)  # Python runs one at a time anyway
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        kind: str = scope["type"]
        if kind != "http":
            await self._app(scope, receive, send)
            return
        http = cast("HTTPScope", scope)  # its type says so
        request = _Request(http, self._versions)
        if request.key is not None:
            entry = self._kept.find(request.key, request.versions)
            if entry is not None:
                cast("dict[str, Any]", scope)["path_template"] = entry.route  # as the router does
                await self._send(entry.answer, request, send)
                return
        await self._app(scope, receive, _Whole(send, request, self._finish))

    async def _finish(self, answer: Answer, request: _Request, send: Send) -> None:
        subject = request.options.get(KEPT)
        if request.key is not None and subject is not None and answer.status == 200:
            route: str = request.scope["path_template"]
            version = request.versions[subject]
            self._kept.put(request.key, Entry(answer, route, subject, version))
        await self._send(answer, request, send)

    async def _send(self, answer: Answer, request: _Request, send: Send) -> None:
        head = request.head
        coding = choose_coding(head.joined(b"accept-encoding")) if answer.compresses else None
        held = head.joined(b"if-none-match")
        if held and answer.known(held):
            await _send(send, 304, Form(answer.unchanged(coding), b""))
            return
        form = answer.form(coding)
        if form is None:
            form = await self._compressed(answer, cast("Coding", coding))
            if request.key is not None:
                self._kept.grown(request.key)
        await _send(send, answer.status, form)

    async def _compressed(self, answer: Answer, coding: Coding) -> Form:
        if len(answer.body) < BIG:
            return answer.made(coding)
        if self._waiting >= MOST_WAITING:
            return cast("Form", answer.form(None))
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(answer.made, coding, limiter=self._threads)
        finally:
            self._waiting -= 1


class _Request:
    """What the layer needs to know of a request."""

    def __init__(self, scope: HTTPScope, versions: Versions) -> None:
        self.scope = cast("dict[str, Any]", scope)
        self.head = head_of(scope)
        self.key: Hashable | None = None
        self.versions: dict[str, Hashable] = {}
        query = scope["query_string"]
        if scope["method"] == "GET" and _WAITS not in query:
            # Read before the handler does: what changes meanwhile makes the answer old at once.
            self.versions = {subject: version() for subject, version in versions.items()}
            who = self.scope.get("state", {}).get("access")
            sees = (who.role, who.scope) if isinstance(who, Access) else None
            self.key = (scope["path"], query, scope["scheme"], self.head.joined(b"host"), sees)

    @property
    def options(self) -> Mapping[str, Any]:
        """What the handler says of itself; nothing where the router found none."""
        handler = self.scope.get("route_handler")
        return {} if handler is None else cast("Mapping[str, Any]", handler.opt)


class _Whole:
    """Takes the messages of an answer: hands a whole one on, and lets a stream pass."""

    def __init__(
        self, send: Send, request: _Request, finish: Callable[[Answer, _Request, Send], Any]
    ) -> None:
        self._send = send
        self._request = request
        self._finish = finish
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            if is_stream(message["headers"]):
                await self._pass_start()
            return
        start = self._start
        if start is None or message["type"] != "http.response.body" or message.get("more_body"):
            await self._pass_start()
            await self._send(message)
            return
        assert start["type"] == "http.response.start"  # noqa: S101 - narrows the type
        headers = list(start["headers"])
        tagged = start["status"] == 200 and self._request.scope["method"] == "GET"
        tagged = tagged and bool(self._request.options.get(TAGGED, _is_json(headers)))
        answer = Answer(start["status"], headers, message["body"], tagged=tagged)
        await self._finish(answer, self._request, self._send)

    async def _pass_start(self) -> None:
        start, self._start = self._start, None
        if start is not None:
            await self._send(start)


async def _send(send: Send, status: int, form: Form) -> None:
    await send({"type": "http.response.start", "status": status, "headers": form.headers})
    await send({"type": "http.response.body", "body": form.body, "more_body": False})


def _is_json(headers: Headers) -> bool:
    kind = dict(headers).get(b"content-type", b"").partition(b";")[0]
    return kind == b"application/json" or kind.endswith(b"+json")
