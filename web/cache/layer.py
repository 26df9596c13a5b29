"""The layer that gives answers again: fresh ones for a while, old ones while there is no other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from web.access.model import Access
from web.access.scope import HostLabels, Sight
from web.cache.kept import MOST_BYTES, KeptAnswer, Lifetimes, key_of, lifetime, pack, unpack
from web.cache.memory import Memory
from web.cache.shared import SharedCache
from web.exposition.text import Family
from web.freshness import STALE
from web.problem_documents import ProblemDocument

JSON = "application/json"
MOST_ROUTES = 100  # that others may tell of: each is counted by itself
_AWAY = frozenset({"history-unavailable", "state-unavailable"})
_BODY_LIMIT = 64 * 1024  # of a problem that is looked at

_Headers = Mapping[bytes, bytes]  # by their names in lower case; of those that stand twice the last


class AnswerCache:
    """Puts itself around the router.

    Args:
        lifetimes: How long which answers are given again.
        memory: For old answers, also without a shared cache.
        shared: None: there is none, and answers are always made anew.
        prefix: Of all keys.
        source: Another for each database, and each version of the program.
        labels: Of all hosts, as they are now: they say what who sees only some of them sees.
        away: Whether the database is known to be away now.
        now: Unix time.
    """

    def __init__(
        self,
        lifetimes: Lifetimes,
        memory: Memory,
        shared: SharedCache | None,
        *,
        prefix: str,
        source: str,
        labels: HostLabels,
        away: Callable[[], bool],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._lifetimes = lifetimes
        self._memory = memory
        self._shared = shared
        self._prefix = prefix
        self._source = source
        self._labels = labels
        self._away = away
        self._now = now
        self._counts: Counter[str] = Counter()
        self._routes: set[str] = set()

    def around(self, app: ASGIApp) -> ASGIApp:
        """The layer around this application."""

        async def cached(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            seconds = lifetime(scope["path"], self._lifetimes) if scope["method"] == "GET" else 0.0
            if not seconds or _asks_anew(scope):
                await app(scope, receive, send)
                return
            await self._answer(app, scope, receive, send, seconds)

        return cached

    def families(self) -> list[Family]:
        """What is counted."""
        outcomes = Family("fleet_cache_answers", "counter", "Answers that may be kept, by outcome.")
        outcomes.add_each("outcome", self._counts.items())
        held = Family("fleet_cache_memory_bytes", "gauge", "Answers in memory, for bad times.")
        families = [outcomes, held.add(self._memory.bytes)]
        if self._shared is not None:
            text = "Calls of the shared cache that failed."
            failures = Family("fleet_cache_failures", "counter", text).add(self._shared.failures)
            text = "Whether the shared cache is done without now."
            away = Family("fleet_cache_away", "gauge", text).add(self._shared.is_away)
            text = "Calls of the shared cache that were not made, as so many were under way."
            skipped = Family("fleet_cache_skipped", "counter", text).add(self._shared.skipped)
            families += [failures, away, skipped]
        return families

    async def _answer(
        self, app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send, seconds: float
    ) -> None:
        key = self._key(scope)
        known = None if self._shared is None else await self._found(key)
        if known is not None and known.age(self._now()) < seconds:
            await self._give("hit", known, scope, send)
            return
        if self._away() and (old := self._old(key, known)) is not None:
            await self._give("stale", old, scope, send)
            return
        taking = _Taking(send)
        await app(scope, receive, taking)
        if taking.answer is None:
            return
        status, headers, body = taking.answer
        if status == 200 and _is_json(headers) and len(body) <= MOST_BYTES:
            self._counts["miss"] += 1
            await taking.pass_on()
            if self._key(scope) == key:  # else they came to see other hosts meanwhile
                await self._keep(self._made(key, scope, headers, body), seconds)
        elif _is_away(status, body) and (old := self._old(key, known)) is not None:
            await self._give("stale", old, scope, send)
        else:
            self._counts["other"] += 1
            await taking.pass_on()

    def _key(self, scope: HTTPScope) -> str:
        found = cast("dict[str, Any]", scope).get("state", {}).get("access")
        who = found if isinstance(found, Access) else None
        hosts = Sight(who, self._labels).hosts() if who is not None and who.scope else ()
        path, query = scope["path"], scope["query_string"]
        return key_of(self._prefix, self._source, path, query, who, hosts)

    def _made(self, key: str, scope: HTTPScope, headers: _Headers, body: bytes) -> KeptAnswer:
        route = str(cast("dict[str, Any]", scope).get("path_template", ""))
        link = headers.get(b"link", b"").decode("latin-1")
        return KeptAnswer(key, self._now(), route, link, body)

    async def _found(self, key: str) -> KeptAnswer | None:
        assert self._shared is not None  # noqa: S101 - asked only where there is one
        data = await self._shared.get(key)
        found = None if data is None else unpack(data, key)
        if found is None or (found.route not in self._routes and len(self._routes) >= MOST_ROUTES):
            return None
        self._routes.add(found.route)
        return found

    def _old(self, key: str, known: KeptAnswer | None) -> KeptAnswer | None:
        """The newest that is not too old."""
        data = self._memory.get(key)
        here = None if data is None else unpack(data, key)
        candidates = [one for one in (known, here) if one is not None]
        newest = max(candidates, key=lambda one: one.made, default=None)
        if newest is None or newest.age(self._now()) > self._lifetimes.stale:
            return None
        return newest

    async def _keep(self, answer: KeptAnswer, seconds: float) -> None:
        data = pack(answer)
        self._memory.put(answer.key, data)
        if self._shared is not None:
            await self._shared.put(answer.key, data, max(seconds, self._lifetimes.stale))

    async def _give(self, outcome: str, answer: KeptAnswer, scope: HTTPScope, send: Send) -> None:
        self._counts[outcome] += 1
        cast("dict[str, Any]", scope)["path_template"] = answer.route  # as the router does
        age = f"{answer.age(self._now()):.0f}".encode()
        headers = [
            (b"content-type", JSON.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            (b"age", age),
        ]
        if answer.link:
            headers.append((b"link", answer.link.encode()))
        if outcome == "stale":
            headers += [(STALE, age), (b"warning", b'111 - "Revalidation Failed"')]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


class _Taking:
    """Holds an answer back until it is whole; one that comes in pieces passes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body: Message | None = None
        self.answer: tuple[int, _Headers, bytes] | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif (
            message["type"] == "http.response.body"
            and self._start is not None
            and self._start["type"] == "http.response.start"
            and not message.get("more_body")
        ):
            self._body = message
            self.answer = (self._start["status"], dict(self._start["headers"]), message["body"])
        else:
            await self.pass_on()
            await self._send(message)

    async def pass_on(self) -> None:
        """Send what was held back."""
        for message in (self._start, self._body):
            if message is not None:
                await self._send(message)
        self._start = self._body = None


def _is_json(headers: _Headers) -> bool:
    return headers.get(b"content-type", b"").partition(b";")[0] == JSON.encode()


def _asks_anew(scope: HTTPScope) -> bool:
    """Whether the client says that it wants no answer of before."""
    return "no-cache" in MutableScopeHeaders(scope).get("cache-control", "")


def _is_away(status: int, body: bytes) -> bool:
    """Whether an answer is the problem that the database cannot be asked."""
    if status != 503 or len(body) > _BODY_LIMIT:
        return False
    try:
        problem = msgspec.json.decode(body, type=ProblemDocument)
    except msgspec.MsgspecError:
        return False
    return problem.type.rpartition(":")[2] in _AWAY
