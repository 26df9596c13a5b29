"""Clients that take nothing, or say too much, where the server does not look after that itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from web.freshness import once_loaded, tells_age
from web.live.socket import MAX_MESSAGE
from web.patience import TOO_BIG, with_patience

PATIENCE = 30.0
OVERSIZED = "x" * (MAX_MESSAGE + 1)


def _run(work: Callable[[], Awaitable[None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(PATIENCE):
            await work()

    asyncio.run(within_time())


def test_who_takes_nothing_is_cut_off_and_what_answers_ends() -> None:
    ended = asyncio.Event()

    async def answers(_scope: Any, _receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            ended.set()

    async def work() -> None:
        taken = 0

        async def send(_message: Any) -> None:
            nonlocal taken
            taken += 1
            if taken > 3:
                await asyncio.Event().wait()

        async def receive() -> Any:
            await asyncio.Event().wait()

        await with_patience(answers, 0.01)({"type": "http"}, receive, send)  # type: ignore[arg-type]  # as much of a scope as is looked at
        assert ended.is_set()
        assert taken == 4

    _run(work)


def test_who_says_too_much_on_a_socket_is_told_so_and_cut_off() -> None:
    async def listens(_scope: Any, receive: Any, _send: Any) -> None:
        assert (await receive())["text"] == "hello"
        await receive()
        raise AssertionError("it is not handed on")

    async def work() -> None:
        said = iter([{"type": "websocket.receive", "text": text} for text in ("hello", OVERSIZED)])
        sent: list[Any] = []

        async def receive() -> Any:
            return next(said)

        async def send(message: Any) -> None:
            sent.append(message)

        await with_patience(listens, 5)({"type": "websocket"}, receive, send)  # type: ignore[arg-type]  # likewise
        assert [message["code"] for message in sent] == [TOO_BIG]

    _run(work)


class Published:
    """What is known of what another process published."""

    loaded = False
    trouble: str | None = "the database is away"
    age: float | None = None


def test_what_is_old_says_how_old_and_what_was_never_read_is_refused() -> None:
    async def answers(scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"x-fleet-stale", b"99")] if scope["path"] == "/api/images" else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def work() -> None:
        known = Published()
        app = tells_age(once_loaded(answers, known), known, 7)

        async def asked(path: str) -> tuple[int, str | None]:
            sent: list[Any] = []

            async def send(message: Any) -> None:
                sent.append(message)

            async def receive() -> Any:
                raise AssertionError("nothing is read")

            await app({"type": "http", "path": path}, receive, send)  # type: ignore[arg-type]  # likewise
            found = dict(sent[0]["headers"])
            assert found[b"x-fleet-worker"] == b"7"
            age = found.get(b"x-fleet-stale")
            return sent[0]["status"], None if age is None else age.decode()

        assert await asked("/api/hosts") == (503, None)
        assert await asked("/health") == (200, None)
        known.loaded = True
        assert await asked("/api/hosts") == (200, None)
        known.age = 12.4
        assert await asked("/api/hosts") == (200, "12")
        assert await asked("/api/images") == (200, "99")

    _run(work)
