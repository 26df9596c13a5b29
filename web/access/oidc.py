"""Logging in at a provider (OpenID Connect): there, and back.

What proves that a browser which comes back is the one that went is derived from a secret in a
cookie of its own. So nothing is kept here meanwhile, and any process may answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import get
from litestar.datastructures import MutableScopeHeaders
from litestar.response.base import ASGIResponse

from web.access import pages
from web.access.admission import address_of
from web.access.cookies import cookie, drop_cookie, elsewhere_name, set_cookie
from web.access.entering import (
    Entrance,
    attempt,
    cookie_of,
    entrance_of,
    retry_after,
    sentence,
    status_of,
    visitor_of,
)
from web.access.locations import HOME, LOGIN, local_path, see_other
from web.access.login import Following
from web.access.model import OPEN, ROLE, ROLES, Role
from web.access.people import (
    LoginRefusedError,
    Provider,
    ProviderError,
    Vouched,
)
from web.parameters import OTHERS
from web.sources import WebRequest

logger = logging.getLogger("fleet.web")
CALLBACK = "/login/oidc/callback"
SECONDS = 600  # to log in at the provider
TITLE = "Log in"


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """One way to the provider and back.

    Attributes:
        secret: Known to the browser and, while it answers it, to this server.
        began: Unix seconds.
        following: Where it leads on to.
    """

    secret: str
    began: int
    following: str

    def written(self) -> str:
        """The value of its cookie."""
        path = base64.urlsafe_b64encode(self.following.encode()).decode().rstrip("=")
        return f"{self.secret}.{self.began}.{path}"

    def derived(self, what: str) -> str:
        """A value that tells nothing of the secret: `state`, `nonce` and `verifier`."""
        text = f"{what} {self.began} {self.following}"
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def read_journey(text: str, now: float) -> Journey | None:
    """The journey of a cookie; None if there is none, or it took too long."""
    secret, _, rest = text.partition(".")
    began, _, path = rest.partition(".")
    try:
        following = base64.b64decode(path + "=" * (-len(path) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    if len(secret) < 43 or not began.isdecimal() or not 0 <= now - int(began[:12]) <= SECONDS:
        return None
    return Journey(secret=secret, began=int(began[:12]), following=local_path(following))


@get("/login/oidc", opt={ROLE: OPEN}, include_in_schema=False)
async def begin_elsewhere(request: WebRequest, following: Following = HOME) -> ASGIResponse:
    """Send the browser to the provider."""
    entrance = entrance_of(request)
    provider, scope = entrance.provider, request.scope
    if provider is None:
        return see_other(LOGIN)
    journey = Journey(
        secret=secrets.token_urlsafe(32), began=int(time.time()), following=local_path(following)
    )
    try:
        location = await provider.authorize_url(
            _redirect(request, entrance),
            journey.derived("state"),
            journey.derived("nonce"),
            journey.derived("verifier"),
        )
    except ProviderError as error:
        return _sorry(str(error), 503)
    written = set_cookie(scope, elsewhere_name(scope), journey.written(), SECONDS)
    return see_other(location, written)


@get(CALLBACK, opt={ROLE: OPEN, OTHERS: True}, include_in_schema=False)
async def come_back(request: WebRequest) -> ASGIResponse:
    """Let in who comes back from the provider."""
    entrance, scope = entrance_of(request), request.scope
    code, state, error, iss = (
        request.query_params.get(name, "") for name in ("code", "state", "error", "iss")
    )
    provider = entrance.provider
    if provider is None:
        return see_other(LOGIN)
    dropped = drop_cookie(scope, elsewhere_name(scope))
    journey = read_journey(cookie(scope, elsewhere_name(scope)), time.time())
    if (stray := _stray(journey, state)) or journey is None:
        entrance.people.noted("", visitor_of(request), stray)
        logger.info("a login at the provider failed: %s (from %s)", stray, address_of(scope))
        return _sorry("This login was not begun in this browser, or long ago.", 400, dropped)
    if error or (iss and iss != provider.issuer):
        entrance.people.noted("", visitor_of(request), "the provider refused")
        return _sorry("The provider did not let you in.", 403, dropped)
    try:
        person = await _vouched(request, entrance, provider, journey, code)
        opened = await attempt(
            request, lambda visitor: entrance.people.let_in(person, visitor), code
        )
    except ProviderError as trouble:
        entrance.people.noted("", visitor_of(request), trouble.noted)
        return _sorry(str(trouble), 503 if trouble.away else 403, dropped)
    except LoginRefusedError as refused:
        return pages.answer(
            TITLE,
            pages.sorry(sentence(refused)),
            status=status_of(refused),
            headers=retry_after(refused),
            cookies=[dropped],
        )
    return see_other(journey.following, cookie_of(request, opened), dropped)


def _stray(journey: Journey | None, state: str) -> str:
    """Why a browser that comes back is none that went; empty where it is."""
    if journey is None:
        return "the browser sent no cookie of having begun it, or one that is too old"
    right = hmac.compare_digest(journey.derived("state").encode(), state.encode())
    return "" if right else "`state` is not what was given to this browser"


async def _vouched(
    request: WebRequest, entrance: Entrance, provider: Provider, journey: Journey, code: str
) -> Vouched:
    claims = await provider.claims(
        code,
        _redirect(request, entrance),
        journey.derived("nonce"),
        journey.derived("verifier"),
    )
    role = role_of(claims, entrance)
    if role is None:
        logger.warning("a login at the provider failed: no group of it is in [access.oidc] roles")
        raise ProviderError(
            "You are known, but may not use this: none of your groups has a role here.",
            noted="vouched for by the provider, but none of the groups has a role",
        )
    return Vouched(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        name=name_of(claims, entrance.name_claim),
        role=role,
        by_groups=bool(entrance.roles),
    )


def role_of(claims: Mapping[str, Any], entrance: Entrance) -> Role | None:
    """The highest role that one of somebody's groups has; None: they are not let in."""
    groups = claim(claims, entrance.role_claim)
    said = groups if isinstance(groups, list) else [groups]
    found = [role for group, role in entrance.roles.items() if group in said]
    if entrance.default_role is not None:
        found.append(entrance.default_role)
    return max(found, key=ROLES.index, default=None)


def name_of(claims: Mapping[str, Any], wanted: str) -> str:
    """What to call somebody: what the configuration says, else what there is."""
    for name in (wanted, "preferred_username", "email", "name"):
        found = claim(claims, name)
        if isinstance(found, str) and found:
            return found
    return str(claims["sub"])


def claim(claims: Mapping[str, Any], name: str) -> object:
    """A claim by its name, or by the way to it: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _redirect(request: WebRequest, entrance: Entrance) -> str:
    host = MutableScopeHeaders(request.scope).get("host", "")
    return (entrance.public_url or f"{request.scope['scheme']}://{host}") + CALLBACK


def _sorry(message: str, status: int, *cookies: str) -> ASGIResponse:
    return pages.answer(TITLE, pages.sorry(message), status=status, cookies=cookies)
