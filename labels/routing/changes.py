"""What differs between two values of a route, in words for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from labels.model import Cause, Change, Endpoint, Key, Member, Route
from labels.routing.words import STANDINGS, differing, listed


def change(
    key: Key, before: Route | None, after: Route | None, revision: int, now: datetime, cause: Cause
) -> Change | None:
    """The change of one route, None if nobody needs to hear of it."""
    summary = described(before, after)
    if not summary:
        return None
    return Change(
        revision=revision,
        time=now,
        kind="added" if before is None else "removed" if after is None else "changed",
        domain=key.domain,
        path=key.path,
        status=after.status if after is not None else None,
        before=shown(before),
        after=shown(after),
        summary=summary,
        cause=cause,
    )


def described(before: Route | None, after: Route | None) -> str:
    """What happened to a route, as `edge/web-1 left the pool (unhealthy): 1 of 2 left`.

    Empty if nobody needs to hear of it: a host went out of reach or came back, and what is known
    of its containers is the same.
    """
    if before is None:
        return _state(after) if after is not None else ""
    if after is None:
        return f"no longer served: {listed([_stands(member) for member in before.members])}"
    parts = [*_held(before, after), *_terms(before, after), *_members(before, after)]
    if not parts:
        return ""
    return _joined(parts) + _left(before, after)


def shown(route: Route | None) -> tuple[str, ...]:
    """The pool as changes list it: `edge/web-1 10.0.0.5:8080`."""
    if route is None:
        return ()
    return tuple(f"{member.name} {_where(member.endpoint)}" for member in route.pool)


class _Turn(NamedTuple):
    """One backend before and after; either may be missing."""

    before: Member | None
    after: Member | None


def _state(route: Route) -> str:
    pool = route.pool
    if pool:
        return f"served by {listed(list(map(_placed, pool)))}"
    return f"nobody serves it yet, {listed([_stands(member) for member in route.members])}"


def _placed(member: Member) -> str:
    """A static one is called by where it is."""
    where = _where(member.endpoint)
    return where if member.name == where else f"{member.name} at {where}"


def _stands(member: Member) -> str:
    return f"{member.name} ({STANDINGS[member.standing]})"


def _where(endpoint: Endpoint | None) -> str:
    return endpoint.authority if endpoint is not None else ""


def _joined(parts: Sequence[str], most: int = 3) -> str:
    more = len(parts) - most
    return "; ".join([*parts[:most], *([f"and {more} more"] if more > 0 else [])])


def _left(before: Route, after: Route) -> str:
    """How many are left, if that is another number."""
    counts = [(len(r.pool), sum(m.standing != "off" for m in r.members)) for r in (before, after)]
    if counts[0] == counts[1]:
        return ""
    (had, _), (has, wanted) = counts
    return f": {has} of {wanted} {'left' if has < had else 'serve' if has != 1 else 'serves'}"


def _held(before: Route, after: Route) -> Iterator[str]:
    if after.held_until is None:
        if before.held_until is not None:
            yield "no longer held"
    elif before.held_until is None:
        yield f"would be gone, with too many others; held until {after.held_until:%H:%M:%S} UTC"


def _terms(before: Route, after: Route) -> Iterator[str]:
    names = [name.replace("_", "-") for name in differing(before.settings, after.settings)]
    if names:
        yield f"on other terms: {listed(names, most=12)}"


def _members(before: Route, after: Route) -> Iterator[str]:
    for turn in _turns(before, after):
        if turn.before is None and turn.after is not None:
            yield _came(turn.after)
        elif turn.after is None and turn.before is not None:
            yield _went(turn.before)
        elif turn.before is not None and turn.after is not None:
            yield from _changed(turn.before, turn.after)


def _turns(before: Route, after: Route) -> Iterator[_Turn]:
    """The backends of both; one that was recreated is one."""
    old = {member.id: member for member in before.members}
    new = {member.id: member for member in after.members}
    came = {(m.host, m.identity): m for m in after.members if m.id not in old and m.identity}
    for name, member in old.items():
        if name in new:
            yield _Turn(member, new[name])
        else:
            yield _Turn(member, heir := came.pop((member.host, member.identity), None))
            if heir is not None:
                del new[heir.id]
    yield from (_Turn(None, member) for name, member in new.items() if name not in old)


def _came(member: Member) -> str:
    if member.serving:
        return f"{member.name} joined the pool"
    return f"{member.name} came ({STANDINGS[member.standing]})"


def _went(member: Member) -> str:
    return f"{member.name} left the pool" if member.serving else f"{member.name} is gone for good"


def _changed(before: Member, after: Member) -> Iterator[str]:
    name, word = after.name, STANDINGS[after.standing]
    if before.id != after.id:
        yield f"{name} was recreated"
    elif before.name != name:
        yield f"{before.name} is now {name}"
    if before.serving != after.serving:
        yield f"{name} joined the pool" if after.serving else f"{name} left the pool ({word})"
    elif not after.serving:
        if before.standing != after.standing:
            yield f"{name} is {word}"
        return
    if before.serving and after.serving:
        yield from _moved(before, after)


def _moved(before: Member, after: Member) -> Iterator[str]:
    """What changed of a member that gets requests all the while."""
    name = after.name
    if before.endpoint != after.endpoint:
        yield f"{name} is at {_where(after.endpoint)}, not {_where(before.endpoint)}"
    if before.weight != after.weight:
        yield f"{name} weighs {after.weight}, not {before.weight}"
    if before.id == after.id and before.started != after.started:
        yield f"{name} was started again"
    if _text(before) != _text(after):
        yield f"{name} is described otherwise"


def _text(member: Member) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return member.title, member.description, member.extras
