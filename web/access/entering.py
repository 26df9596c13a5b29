"""How somebody is let in: what login, links and providers have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from web.access.admission import CHALLENGE
from web.access.cookies import session_cookie, session_name, set_cookie
from web.access.model import Access, Role, access_of
from web.access.people import LoginRefusedError, Opened, People, Provider, Visitor
from web.attaching import attached
from web.limits import attempts
from web.problems import Problem
from web.sources import WebRequest

T = TypeVar("T")

PEOPLE = "people"  # what `Entrance` is attached as
MOST_AGENT = 200  # characters of a User-Agent that are kept
_STATUS = {"wrong": 401, "slowed": 429, "busy": 503, "unavailable": 503}


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """Who lets people in.

    Attributes:
        people: Accounts and sessions.
        provider: Where people may log in instead; None: nowhere.
        label: What the button of the provider says.
        public_url: Where browsers reach this server, without `/` at its end; empty: where they say.
        roles: Roles by group of the provider; the highest counts.
        role_claim: Where the provider says the groups.
        name_claim: Where it says the name.
        default_role: Of who is in none of the groups; None: not let in.
    """

    people: People
    provider: Provider | None = None
    label: str = ""
    public_url: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)
    role_claim: str = "groups"
    name_claim: str = "preferred_username"
    default_role: Role | None = None


def entrance_of(request: WebRequest) -> Entrance:
    """The entrance of the application that answers this request.

    Raises:
        Problem: There are no accounts here (503).
    """
    found = attached(request.scope, PEOPLE)
    if not isinstance(found, Entrance):
        raise Problem("logins-unavailable", "Nobody logs in here: no accounts are kept.")
    return found


def session_of(request: WebRequest) -> Access | None:
    """Who is logged in, None for nobody."""
    access = access_of(request)
    return access if access is not None and access.kind == "session" else None


def visitor_of(request: WebRequest) -> Visitor:
    """Who asks to be let in."""
    agent = request.headers.get("user-agent", "")[:MOST_AGENT]
    client = request.scope.get("client")
    return Visitor(
        address=client[0] if client else "",
        agent="".join(character for character in agent if character.isprintable()),
        cookie=session_cookie(request.scope),
    )


def cookie_of(request: WebRequest, opened: Opened) -> str:
    """The Set-Cookie header of a session that has begun."""
    scope = request.scope
    seconds = max(0, int((opened.expires - datetime.now(UTC)).total_seconds()))
    return set_cookie(scope, session_name(scope), opened.cookie, seconds)


async def attempt(
    request: WebRequest, act: Callable[[Visitor], Awaitable[T]], *credentials: str
) -> T:
    """Do what `credentials` allow, unless too many wrong ones came from where the visitor is.

    Raises:
        LoginRefusedError: They are wrong, or not looked at.
    """
    scope = request.scope
    digested = [each.encode(errors="replace") for each in credentials]
    if wait := attempts.seconds_to_wait(scope, *digested):
        raise LoginRefusedError("slowed", "Too many wrong ones came from where you are.", wait)
    try:
        done = await act(visitor_of(request))
    except LoginRefusedError as error:
        if error.fault == "wrong":
            attempts.failed(scope)
        raise
    attempts.succeeded_with(scope, *digested)
    return done


def status_of(error: LoginRefusedError) -> int:
    """The HTTP status of a page that says so."""
    return _STATUS[error.fault]


def retry_after(error: LoginRefusedError) -> dict[str, str]:
    """The header that says when to try again, if that helps."""
    return {"retry-after": f"{error.wait:.0f}"} if error.wait else {}


def sentence(error: LoginRefusedError) -> str:
    """What to tell people, with when to try again."""
    return f"{error} Try again in {error.wait:.0f} seconds." if error.wait else str(error)


def problem_of(error: LoginRefusedError) -> Problem:
    """The same for programs."""
    match error.fault:
        case "wrong":
            return Problem("wrong-login", str(error), headers=CHALLENGE)
        case "slowed":
            return Problem("locked-out", sentence(error), headers=retry_after(error))
        case _:
            return Problem("logins-unavailable", sentence(error), headers=retry_after(error))
