"""One guard for all handlers: each says by `opt` which role it takes."""

from __future__ import annotations

from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from web.access.admission import CHALLENGE
from web.access.model import OPEN, ROLE, WHOLE, Role, access_of
from web.problems import Problem


def least_role(handler: BaseRouteHandler) -> Role | None:
    """The least role that a handler takes; None where it answers everyone."""
    least: Role = handler.opt.get(ROLE, "viewer")
    return None if least == OPEN else least


async def require_role(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Litestar guard: who asks must have the role that the handler takes.

    Raises:
        Problem: Nobody in particular asks (401), or somebody of a lower role, or who sees only
            some hosts what tells of all (403).
    """
    least = least_role(handler)
    if least is None:
        return
    access = access_of(connection)
    if access is None or (access.kind == "anonymous" and not access.may(least)):
        raise Problem(
            "token-required",
            f"This takes the role {least}. Send a token as `Authorization: Bearer TOKEN`; "
            "`fleet token create` makes one.",
            headers=CHALLENGE,
        )
    if not access.may(least):
        of_some = " of some hosts" if access.scope else ""
        raise Problem(
            "role-required",
            f"This takes the role {least}; {access.name!r} is {access.role}{of_some}.",
        )
    if access.scope and handler.opt.get(WHOLE):
        raise Problem(
            "role-required",
            f"This tells of the whole fleet; {access.name!r} sees some hosts of it.",
        )


def open_paths(router: Litestar) -> frozenset[tuple[str, str]]:
    """What is answered to everyone, as methods and paths; such paths have no parameters."""
    return frozenset(
        (str(method), route.path)
        for route in router.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if least_role(handler) is None
        for method in handler.http_methods
    )
