"""The table of routes as Traefik's dynamic configuration, for its HTTP provider.

Traefik refuses a whole document for one field that it does not know or one empty map where it
wants none, so that nothing is written that its version lacks, and nothing that is empty. It reads
the document as YAML, whose parser takes no key of more than 1024 characters.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final

from labels.model import Route, Table
from labels.render.document import Memo, Rendered
from labels.render.traefik_document import (
    Middleware,
    RedirectScheme,
    Retry,
    ServersTransport,
)
from labels.render.traefik_options import Options
from labels.render.traefik_route import REDIRECT, RETRY, Part, entries, part_of
from labels.render.traefik_service import INSECURE

__all__ = ["Options", "Renderer"]

_EMPTY: Final = b"{}\n"
_ATTEMPTS: Final = 4  # of one request; only what did not reach a backend is sent again


class Renderer:
    """Makes documents for Traefik; routes that did not change are not made again."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._memo: Memo[Part] = Memo()
        port = "" if options.https_port == 443 else str(options.https_port)
        redirect = RedirectScheme(scheme="https", port=port, permanent=True)
        self._redirect = entries({REDIRECT: Middleware(redirect_scheme=redirect)})
        self._retry = entries({RETRY: Middleware(retry=Retry(attempts=_ATTEMPTS))})
        self._transport = entries({INSECURE: ServersTransport(insecure_skip_verify=True)})

    def render(self, table: Table) -> Rendered:
        """The whole configuration, `{}` if there is no route, and what it does not say."""
        routes = sorted(table.routes, key=_key)
        parts = self._memo.parts(routes, self._part)
        middlewares = [part.middlewares for part in parts if part.middlewares]
        if any(part.redirects for part in parts):
            middlewares.append(self._redirect)
        if any(part.retries for part in parts):
            middlewares.append(self._retry)
        transports = [self._transport] if any(part.insecure for part in parts) else []
        sections = {
            b"routers": [part.routers for part in parts if part.routers],
            b"services": [part.services for part in parts if part.services],
            b"middlewares": middlewares,
            b"serversTransports": transports,
        }
        return Rendered(
            body=_document(sections),
            media_type="application/json",
            issues=tuple(chain.from_iterable(part.issues for part in parts if part.issues)),
        )

    def _part(self, route: Route) -> Part:
        return part_of(route, self._options)


def _key(route: Route) -> tuple[str, str]:
    return route.domain, route.path


def _document(sections: dict[bytes, list[bytes]]) -> bytes:
    """One line for each route in each section, so that documents can be compared."""
    filled = [_section(name, parts) for name, parts in sections.items() if parts]
    return b'{"http":{\n' + b",\n".join(filled) + b"\n}}\n" if filled else _EMPTY


def _section(name: bytes, parts: Iterable[bytes]) -> bytes:
    return b'"' + name + b'":{\n' + b",\n".join(parts) + b"\n}"
