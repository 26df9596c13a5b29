"""`Allow` as it should be: the framework names the methods of one handler of a path alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send


def with_head(methods: Iterable[str]) -> str:
    """What `Allow` says of these: what answers a GET answers a HEAD as well."""
    known = set(methods)
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def telling_methods(router: Litestar, app: ASGIApp) -> ASGIApp:
    """`app` around the router, which answers `OPTIONS` with all methods that a path takes."""
    methods: dict[str, set[str]] = defaultdict(set)
    for route in router.routes:
        if isinstance(route, HTTPRoute):
            methods[route.path_format] |= {str(method) for method in route.methods}

    async def telling(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_telling(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 204:
                allow = with_head(methods[str(scope.get("path_template"))]).encode()
                kept = [header for header in message["headers"] if header[0] != b"allow"]
                message["headers"] = [*kept, (b"allow", allow)]
            await send(message)

        asks = scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS"
        await app(scope, receive, send_telling if asks else send)

    return telling
