"""A provider of OpenID Connect, as the web asks it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from connectors.oidc import OidcClient, OidcError
from web.access.people import ProviderError

log = logging.getLogger(__name__)


class OidcProvider:
    """Implements `web.access.people.Provider`; what goes wrong is told in the log, too."""

    def __init__(self, client: OidcClient) -> None:
        self._client = client
        self.issuer = client.issuer

    async def authorize_url(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send a browser."""
        with _translated():
            return await self._client.authorize_url(redirect, state, nonce, verifier)

    async def claims(
        self, code: str, redirect: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """What it says about who comes back."""
        with _translated():
            return await self._client.claims(code, redirect, nonce, verifier)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OidcError as error:
        log.warning("a login at the provider failed: %s", error)
        raise ProviderError(str(error), away=error.away) from error
