"""What handlers work with hangs on each request: one router serves any number of applications."""

from __future__ import annotations

from typing import Any, cast

from litestar.types import ASGIApp, Receive, Scope, Send


def attaching(app: ASGIApp, **parts: object) -> ASGIApp:
    """`app`, which finds each part on the scope of what it is asked; see `attached`."""

    async def attach(scope: Scope, receive: Receive, send: Send) -> None:
        cast("dict[str, Any]", scope).setdefault("state", {}).update(parts)
        await app(scope, receive, send)

    return attach


def attached(scope: Scope, name: str) -> Any:
    """A part that was attached under this name."""
    return cast("dict[str, Any]", scope)["state"][name]
