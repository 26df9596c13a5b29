"""Asks a provider of OpenID Connect who somebody is, and believes only what is signed.

The authorization code with PKCE. What the provider publishes is asked for when it is needed, and
kept for an hour; its keys are asked for again when a token is signed by one that is not known.
Runs on trio and on asyncio.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlsplit

import anyio
import httpx
import msgspec
from anyio import to_thread
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from config.models import Oidc
from config.secrets import SecretError, read_secret

T = TypeVar("T")
R = TypeVar("R")

SECONDS = 10.0  # for one answer
KEPT = 3600.0  # seconds that what it publishes counts
AGAIN = 30.0  # seconds before keys are asked for again
AT_ONCE = 8  # requests
LEEWAY = 60  # seconds that clocks may differ
LARGEST = 1024 * 1024  # bytes of an answer
# Signatures that only the provider can make: with a shared secret anybody who has it could.
_ALGORITHMS = [f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)]
_KEY_TYPES = ("RSA", "EC")


class OidcError(Exception):
    """The provider does not say who somebody is.

    Attributes:
        away: It cannot be asked, or answers nonsense; else what it says does not hold.
    """

    def __init__(self, message: str, *, away: bool = False) -> None:
        super().__init__(message)
        self.away = away


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What matters of the provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What is given for a code; `access_token` is for what the ID token does not say."""

    id_token: str
    access_token: str = ""


class _Keys(msgspec.Struct, frozen=True, kw_only=True):
    keys: list[dict[str, Any]]


class OidcClient:
    """One provider.

    Args:
        settings: The configuration.
        environ: Where `client_secret_env` is looked up.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        settings: Oidc,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = settings.issuer
        self._settings = settings
        self._environ = environ
        self._clock = clock
        self._asking = anyio.Lock()
        self._turns = anyio.CapacityLimiter(AT_ONCE)
        self._trust: ssl.SSLContext | None = None
        self._published: tuple[Published, float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    async def authorize_url(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send a browser. `verifier` is for `claims` to show; here only its hash goes.

        Raises:
            OidcError: `away`.
        """
        published = await self._bounded(self._discover)
        url: str = prepare_grant_uri(
            published.authorization_endpoint,
            client_id=self._settings.client_id,
            response_type="code",
            redirect_uri=redirect,
            scope=" ".join(self._settings.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url

    async def claims(self, code: str, redirect: str, nonce: str, verifier: str) -> dict[str, Any]:
        """What the provider says about who comes back with `code`.

        Raises:
            OidcError: It cannot be asked; it does not know the code; or its token does not hold.
        """
        published = await self._bounded(self._discover)
        tokens = await self._exchange(published, code, redirect, verifier)
        try:
            found = await self._decoded(tokens.id_token)
            claims = CodeIDToken(
                found.claims,
                found.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._settings.client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self._settings.client_id,
                    "access_token": tokens.access_token,
                },
            )
            claims.validate(leeway=LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            # Its message may quote the token: only the kind of the mistake is told.
            raise OidcError(
                f"What the provider says does not hold ({type(error).__name__})."
            ) from None
        return await self._completed(published, dict(claims), tokens.access_token)

    async def _completed(
        self, published: Published, claims: dict[str, Any], access_token: str
    ) -> dict[str, Any]:
        """With what some providers tell only whom asks for it: groups and names."""
        wanted = (self._settings.role_claim, self._settings.name_claim)
        missing = [name for name in wanted if name.partition(".")[0] not in claims]
        if not missing or not published.userinfo_endpoint or not access_token:
            return claims
        bearer = {"authorization": f"Bearer {access_token}"}
        more = await self._ask("GET", published.userinfo_endpoint, dict[str, Any], bearer=bearer)
        if more.get("sub") != claims["sub"]:  # OpenID Connect Core, 5.3.2
            raise OidcError("What the provider says is about two people.")
        return {**more, **claims}

    async def _decoded(self, token: str) -> jwt.Token:
        keys = await self._bounded(lambda: self._known_keys(KEPT))
        try:
            return jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except InvalidKeyIdError:  # it has others by now
            keys = await self._bounded(lambda: self._known_keys(AGAIN))
            return jwt.decode(token, keys, algorithms=_ALGORITHMS)

    async def _bounded(self, ask: Callable[[], Awaitable[R]]) -> R:
        """Ask alone: many who wait for the same are answered by one request."""
        try:
            with anyio.fail_after(SECONDS):
                async with self._asking:
                    return await ask()
        except TimeoutError as error:
            raise OidcError("The provider cannot be reached now.", away=True) from error

    async def _discover(self) -> Published:
        if self._published is not None and self._clock() - self._published[1] < KEPT:
            return self._published[0]
        url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        published = await self._get(url, Published)
        if published.issuer != self.issuer:
            raise OidcError("The provider calls itself by another name than `issuer`.", away=True)
        secure = urlsplit(self.issuer).scheme == "https"
        for endpoint in (
            published.authorization_endpoint,
            published.token_endpoint,
            published.jwks_uri,
            published.userinfo_endpoint or self.issuer,
        ):
            if urlsplit(endpoint).scheme not in (("https",) if secure else ("http", "https")):
                raise OidcError("The provider publishes an address without TLS.", away=True)
        self._published = (published, self._clock())
        return published

    async def _known_keys(self, age: float) -> KeySet:
        if self._keys is not None and self._clock() - self._keys[1] < age:
            return self._keys[0]
        published = await self._discover()
        found = await self._get(published.jwks_uri, _Keys)
        keys = KeySet([key for told in found.keys for key in _usable(told)])
        self._keys = (keys, self._clock())
        return keys

    async def _exchange(
        self, published: Published, code: str, redirect: str, verifier: str
    ) -> Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        secret = self._secret()
        auth: httpx.BasicAuth | None = None
        if secret is None:
            form["client_id"] = self._settings.client_id
        elif "client_secret_basic" in published.token_endpoint_auth_methods_supported:
            auth = httpx.BasicAuth(_quoted(self._settings.client_id), _quoted(secret))
        else:
            form |= {"client_id": self._settings.client_id, "client_secret": secret}
        return await self._ask("POST", published.token_endpoint, Tokens, form, auth)

    def _secret(self) -> str | None:
        try:
            return read_secret(
                self._settings.client_secret_file,
                self._settings.client_secret_env,
                self._environ,
            )
        except SecretError as error:
            raise OidcError(f"fleet cannot show who it is: {error}.", away=True) from error

    async def _get(self, url: str, kind: type[T]) -> T:
        return await self._ask("GET", url, kind)

    async def _ask(
        self,
        method: str,
        url: str,
        kind: type[T],
        form: dict[str, str] | None = None,
        auth: httpx.BasicAuth | None = None,
        bearer: Mapping[str, str] | None = None,
    ) -> T:
        host = urlsplit(url).netloc
        try:
            with anyio.fail_after(SECONDS):
                async with (
                    self._turns,
                    httpx.AsyncClient(verify=await self._trusted(), timeout=SECONDS) as client,
                    client.stream(
                        method,
                        url,
                        data=form,
                        auth=auth,
                        headers={"accept": "application/json", **(bearer or {})},
                    ) as answer,
                ):
                    status, body = answer.status_code, await _body(answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise OidcError(f"The provider ({host}) cannot be reached now.", away=True) from error
        if method == "POST" and 400 <= status < 500:
            raise OidcError("The provider does not accept this login, or not any more.")
        if status != 200:
            raise OidcError(f"The provider ({host}) answers {status}.", away=True)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):  # it would quote a token
            raise OidcError(f"The provider ({host}) answers nonsense.", away=True) from None

    async def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            make = partial(ssl.create_default_context, cafile=self._settings.ca_file)
            self._trust = await to_thread.run_sync(make)
        return self._trust


def _usable(told: dict[str, Any]) -> list[Any]:
    """The key as one that signs; nothing of one that does not, or is of a kind of later times."""
    if told.get("kty") not in _KEY_TYPES or told.get("use") == "enc":
        return []
    try:
        return KeySet.import_key_set({"keys": [told]}).keys
    except (JoseError, ValueError, TypeError, LookupError):
        return []


async def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > LARGEST:
            raise httpx.DecodingError("longer than any answer is")
    return bytes(body)


def _quoted(text: str) -> str:
    """As a name and password are written in this header (RFC 6749, 2.3.1)."""
    return quote_plus(text)
