"""Asks an application without any socket: quick enough to ask it thousands of times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
import trio

from web.app import Application

ADDRESSES = 250 * 250


class Answer:
    """What came; of a stream what came until it was enough."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.accepted = False

    @property
    def kind(self) -> str:
        """The problem's, empty for none."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        return str(msgspec.json.decode(self.body)["type"]).rpartition(":")[2]


class Asking:
    """Each request comes from another address, so that limits of one client do not matter."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._asked = 0

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        enough: Callable[[Answer], bool] = lambda answer: bool(answer.status),
    ) -> Answer:
        """The whole answer; of a stream what came until it was enough."""
        answer, leave = Answer(), trio.Event()
        given = {"content-length": str(len(body)), **(headers or {})} if body else headers or {}
        scope = self._scope("http", path, token, query, given) | {"method": method}
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": body, "more_body": False}
            await leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = _decoded(message["headers"])
            else:
                answer.body += message.get("body", b"")
            if self._is_stream(answer) and enough(answer):
                leave.set()
            await trio.lowlevel.checkpoint()

        with trio.fail_after(60):
            await self._app(cast("Any", scope), cast("Any", receive), cast("Any", send))
        return answer

    async def talk(
        self,
        path: str,
        *commands: object,
        token: str | None = None,
        enough: Callable[[Answer], bool] = lambda answer: answer.accepted,
    ) -> Answer:
        """What the handshake of a WebSocket comes to, and what it says until it is enough."""
        answer, leave = Answer(), trio.Event()
        said: list[dict[str, Any]] = [{"type": "websocket.connect"}]
        said += [
            {"type": "websocket.receive", "text": msgspec.json.encode(command).decode()}
            for command in commands
        ]
        headers = {"sec-websocket-version": "13"}
        scope = self._scope("websocket", path, token, "", headers)
        scope |= {"subprotocols": [], "extensions": {"websocket.http.response": {}}}

        async def receive() -> dict[str, Any]:
            await trio.lowlevel.checkpoint()
            if said:
                return said.pop(0)
            await leave.wait()
            return {"type": "websocket.disconnect", "code": 1000}

        async def send(message: dict[str, Any]) -> None:
            kind = message["type"]
            answer.accepted = answer.accepted or kind == "websocket.accept"
            if kind == "websocket.http.response.start":
                answer.status = message["status"]
                answer.headers = _decoded(message["headers"])
            answer.body += message.get("body") or (message.get("text") or "").encode()
            if enough(answer):
                leave.set()
            await trio.lowlevel.checkpoint()

        with trio.fail_after(60):
            await self._app(cast("Any", scope), cast("Any", receive), cast("Any", send))
        return answer

    def _scope(
        self, kind: str, path: str, token: str | None, query: str, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        self._asked += 1
        number = self._asked % ADDRESSES
        given = {"host": "localhost", **headers}
        if token is not None:
            given["authorization"] = f"Bearer {token}"
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "ws" if kind == "websocket" else "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": (f"10.1.{number // 250}.{number % 250}", 4711),
            "server": ("localhost", 8080),
            "state": {},
        }

    @staticmethod
    def _is_stream(answer: Answer) -> bool:
        return answer.headers.get("content-type", "").startswith("text/event-stream")


def _decoded(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in headers}
