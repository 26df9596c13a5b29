"""How far to believe answers that are made of what another process published."""

from __future__ import annotations

from typing import Protocol

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from web.problems import Problem, note_problem

STALE = b"x-fleet-stale"
WORKER = b"x-fleet-worker"
RETRY_AFTER = {"retry-after": "2"}
ANSWERED = ("/health", "/ready", "/metrics", "/api/openapi", "/login", "/logout", "/welcome")


class Published(Protocol):
    """What is known of it."""

    @property
    def loaded(self) -> bool:
        """Something was read."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why it is not as of now, or not there; None if it is."""
        ...

    @property
    def age(self) -> float | None:
        """Seconds since it was as of now; None if it is."""
        ...


def once_loaded(app: ASGIApp, published: Published) -> ASGIApp:
    """Answer 503 while nothing was read: an empty fleet would be a lie."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if (
            published.loaded
            or scope["type"] != ScopeType.HTTP
            or scope["path"].startswith(ANSWERED)
        ):
            await app(scope, receive, send)
            return
        detail = f"There is nothing to answer from yet: {published.trouble or 'it is being read'}."
        problem = Problem("state-unavailable", detail, headers=RETRY_AFTER)
        note_problem(scope, problem)
        await problem.answer(scope["path"])(scope, receive, send)

    return guarded


def tells_age(app: ASGIApp, published: Published, worker: int) -> ASGIApp:
    """Say in each answer which worker gives it, and how old it is if it is not as of now."""
    by_whom = (WORKER, str(worker).encode())

    async def telling(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return

        async def send_telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], by_whom]
                age = published.age
                if age is not None and not any(name.lower() == STALE for name, _ in headers):
                    headers.append((STALE, f"{age:.0f}".encode()))
                message["headers"] = headers
            await send(message)

        await app(scope, receive, send_telling)

    return telling
