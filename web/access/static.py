"""The token of the configuration alone, as an authority: it reads everything, and ends with us."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from web.access.model import Access, Refusal

ANYONE = Access(kind="anonymous", name="anonymous")
STATIC = Access(kind="static", id="static", name="static")


class StaticAuthority:
    """Implements `web.access.model.Authority`.

    Args:
        token: The only token; None: none is right.
        anonymous: What may be done without one.
    """

    def __init__(self, token: str | None, anonymous: Access | None) -> None:
        self._hash = None if token is None else _hashed(token)
        self._anonymous = anonymous

    def is_static(self, token: str) -> bool:
        """Whether this is the token, found out in the same time whatever it is."""
        return self._hash is not None and hmac.compare_digest(_hashed(token), self._hash)

    async def by_token(self, token: str) -> Access | Refusal:
        """A reader of everything, or nobody."""
        return STATIC if self.is_static(token) else "unknown"

    async def by_session(self, cookie: str) -> Access | None:  # noqa: ARG002 - Authority's
        """Nobody: there are no sessions."""
        return None

    def anonymous(self) -> Access | None:
        """As it was given."""
        return self._anonymous

    @contextmanager
    def lease(self, access: Access, scope: anyio.CancelScope) -> Iterator[None]:  # noqa: ARG002 - Authority's
        """Nothing ends."""
        yield

    def used(self, access: Access, address: str) -> None:
        """Nobody is told."""

    def refused(self, why: Refusal, token: str, address: str) -> None:
        """Nobody is told."""


def default_authority(token: str | None, loopback: bool) -> StaticAuthority:
    """Without a token readers on loopback need none; elsewhere nobody may read."""
    return StaticAuthority(token, ANYONE if token is None and loopback else None)


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
