"""What the forms of the page of access do: one word for each, for admins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from web.access.admission import address_of
from web.access.desk import Desk, DeskClosedError, DeskRefusedError, TokenWanted
from web.access.model import ROLES, Role
from web.access.roster import LastAdminError, Roster, UserChange, UserWanted
from web.access.token_api import who_asks
from web.access.user_api import link_document, roster_of
from web.problems import Problem
from web.sources import WebRequest, sources

Fields = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it.

    Attributes:
        done: What was done, in a sentence; empty for nothing.
        wrong: Why it was not.
        secret: What is shown this once.
        meaning: What that is, and what to do with it.
        status: Of the answer.
        again: What was sent, for the form to show once more; None: none does.
    """

    done: str = ""
    wrong: str = ""
    secret: str = ""
    meaning: str = ""
    status: int = 200
    again: Fields = field(default_factory=dict)


async def act(request: WebRequest, fields: Fields) -> Outcome:
    """Do what a form asks for.

    Raises:
        Problem: It asks for nothing that there is (400), or there is no database (503).
    """
    work = _ACTS.get(fields.get("do", ""))
    if work is None:
        raise Problem(
            "bad-body", "This form asks for nothing that fleet does. Load the page again."
        )
    desk = sources(request).desk
    if desk is None:
        raise Problem("access-unavailable", "No database is in use, so there are no tokens.")
    who = _Who(request, desk, roster_of(request), who_asks(request), address_of(request.scope))
    try:
        return await work(who, fields)
    except DeskClosedError as error:
        return Outcome(wrong=str(error), status=503, again=fields)
    except DeskRefusedError as error:
        return Outcome(wrong=str(error), status=409 if error.taken else 400, again=fields)
    except LastAdminError as error:
        return Outcome(wrong=str(error), status=409)


@dataclass(frozen=True)
class _Who:
    request: WebRequest
    desk: Desk
    roster: Roster
    by: str
    address: str


async def _make_token(who: _Who, fields: Fields) -> Outcome:
    wanted = TokenWanted(
        name=fields.get("name", "").strip(),
        role=_role(fields),
        labels=_labels(fields),
        expires=fields.get("expires", "never"),
    )
    made = await who.desk.make(wanted, who.by, who.address)
    return Outcome(
        done=f"The token {made.name} was made: {made.role} of {_hosts(made.labels)}.",
        secret=made.token,
        meaning="It is shown this once, and kept nowhere. Who has it may what it may:",
    )


async def _revoke_token(who: _Who, fields: Fields) -> Outcome:
    revoked = await who.desk.revoke(fields.get("ref", ""), who.by, who.address)
    if revoked is None:
        return Outcome(wrong="This token was revoked, or has expired, before.", status=404)
    return Outcome(done=f"The token {revoked.name} was revoked. What it began ends within seconds.")


async def _make_user(who: _Who, fields: Fields) -> Outcome:
    wanted = UserWanted(
        name=fields.get("name", "").strip(), role=_role(fields), labels=_labels(fields)
    )
    path = await who.roster.add(wanted, who.by, who.address)
    name = wanted.name.lower()
    return _with_link(
        who, name, path, f"The account {name} was made: {wanted.role} of {_hosts(wanted.labels)}."
    )


async def _link(who: _Who, fields: Fields) -> Outcome:
    name = fields.get("ref", "")
    path = await who.roster.link(name, who.by, who.address)
    if path is None:
        return _nobody(name)
    return _with_link(who, name, path, f"There is a new link for {name}; earlier ones are void.")


async def _set_role(who: _Who, fields: Fields) -> Outcome:
    role, labels = _role(fields), _labels(fields)
    done = f"is {role} of {_hosts(labels)} now"
    return await _change(who, fields, UserChange(role=role, labels=labels), done)


async def _disable(who: _Who, fields: Fields) -> Outcome:
    done = "cannot log in any more; its sessions end within seconds"
    return await _change(who, fields, UserChange(disabled=True), done)


async def _enable(who: _Who, fields: Fields) -> Outcome:
    return await _change(who, fields, UserChange(disabled=False), "may log in again")


async def _change(who: _Who, fields: Fields, change: UserChange, done: str) -> Outcome:
    name = fields.get("ref", "")
    if await who.roster.change(name, change, who.by, who.address) is None:
        return _nobody(name)
    return Outcome(done=f"The account {name} {done}.")


async def _log_out(who: _Who, fields: Fields) -> Outcome:
    name = fields.get("ref", "")
    many = await who.roster.log_out(name, who.by, who.address)
    if many is None:
        return _nobody(name)
    return Outcome(done=f"{many} session{'' if many == 1 else 's'} of {name} ended.")


async def _remove(who: _Who, fields: Fields) -> Outcome:
    name = fields.get("ref", "")
    if await who.roster.remove(name, who.by, who.address) is None:
        return _nobody(name)
    return Outcome(done=f"The account {name} and its sessions were removed.")


_ACTS: Mapping[str, Callable[[_Who, Fields], Awaitable[Outcome]]] = {
    "token-make": _make_token,
    "token-revoke": _revoke_token,
    "user-make": _make_user,
    "user-link": _link,
    "user-role": _set_role,
    "user-disable": _disable,
    "user-enable": _enable,
    "user-logout": _log_out,
    "user-remove": _remove,
}


def _with_link(who: _Who, name: str, path: str, done: str) -> Outcome:
    made = link_document(who.request, name, path)
    meaning = f"Give this link to {name} alone: it sets the password, once within an hour."
    return Outcome(done=done, secret=made.link, meaning=meaning)


def _nobody(name: str) -> Outcome:
    return Outcome(wrong=f"No account is called {name!r} any more.", status=404)


def _role(fields: Fields) -> Role:
    """The one that was chosen, the least where it is none."""
    found = fields.get("role", "")
    return next((role for role in ROLES if role == found), ROLES[0])


def _labels(fields: Fields) -> tuple[str, ...]:
    """One on each line."""
    lines = (line.strip() for line in fields.get("labels", "").splitlines())
    return tuple(line for line in lines if line)


def _hosts(labels: tuple[str, ...]) -> str:
    return f"hosts with {' and '.join(labels)}" if labels else "all hosts"
