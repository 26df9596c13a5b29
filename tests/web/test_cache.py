"""Answers that are given again: which, to whom, for how long, and what becomes of a bad cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest
import zstandard

from tests.lab.fixtures import Lab
from tests.lab.redis import PASSWORD, Redis
from web.access.model import Access
from web.cache.kept import MOST_BYTES, KeptAnswer, Lifetimes, key_of, lifetime, pack, unpack
from web.cache.layer import AnswerCache
from web.cache.memory import OVERHEAD, Memory
from web.cache.shared import CONNECTIONS, FAILURES, FIRST_PAUSE, Breaker, SharedCache
from web.problems import Problem

LIST = "/api/containers"
PATIENCE = 30.0
NEXT = '<?cursor=x>; rel="next"'
VIEWER = Access(kind="token", id="one", name="one")


@pytest.fixture(scope="module")
def redis(module_lab: Lab) -> Redis:
    return module_lab.redis()


class Server:
    """Counts how often it is asked, and answers that; or that the database is away."""

    def __init__(self) -> None:
        self.asked = 0
        self.trouble = ""
        self.clock = 1000.0
        self.away = False
        self.hosts = {"edge-1": {"site": "fra"}, "edge-2": {"site": "ber"}}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        if self.trouble:
            await Problem(self.trouble, "It is away.").answer(scope["path"])(scope, receive, send)
            return
        body = msgspec.json.encode({"asked": self.asked})
        headers = [(b"content-type", b"application/json"), (b"link", NEXT.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def cache(self, shared: SharedCache | None, source: str = "it") -> AnswerCache:
        return AnswerCache(
            Lifetimes(),
            Memory(1 << 20),
            shared,
            prefix="test",
            source=source,
            labels=lambda: self.hosts,
            away=lambda: self.away,
            now=lambda: self.clock,
        )


async def _get(
    app: Any, path: str = LIST, query: bytes = b"", access: Access | None = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "query_string": query}
    scope |= {"headers": named, "state": {"access": access}}
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    await app(scope, receive, send)
    start, body = told
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, msgspec.json.decode(body["body"])


def _run(work: Callable[[], Awaitable[None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(PATIENCE):
            await work()

    asyncio.run(within_time())


async def _tried_again(shared: SharedCache) -> None:
    while shared.is_away:  # noqa: ASYNC110 - it tells when asked
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        (LIST, 10),
        (f"{LIST}/edge-1/web/stats", 2),
        (f"{LIST}/edge-1/web/stats/history", 30),
        (f"{LIST}/edge-1/web", 0),
        (f"{LIST}/edge-1/web/logs", 0),
        ("/api/images", 300),
        ("/api/images/docker.io/library/redis:7", 300),
        ("/api/images/redis/history", 30),
        ("/api/metrics/total", 0),
        ("/api/metrics/total/history", 30),
        ("/api/metrics/containers", 30),
        ("/api/metrics/hosts/history", 30),
        ("/api/hosts/edge-1/health/history", 30),
        ("/api/revp/traefik", 0),
        ("/api/tokens", 0),
    ],
)
def test_what_is_kept_and_how_long(path: str, seconds: float) -> None:
    assert lifetime(path, Lifetimes()) == seconds


def _key(
    path: str = LIST,
    query: bytes = b"a=1&b=2",
    *,
    source: str = "db",
    access: Access | None = VIEWER,
    hosts: Sequence[str] = (),
) -> str:
    return key_of("fleet", source, path, query, access, hosts)


def test_a_key_tells_apart_what_answers_differ_by_and_nothing_else() -> None:
    same = [
        _key(),
        _key(query=b"b=2&a=1", access=Access(kind="token", id="two", name="two")),
    ]
    assert len(set(same)) == 1
    scoped = msgspec.structs.replace(VIEWER, scope=(("site", "fra"),))
    others = [
        _key(query=b"a=1&b=3"),
        _key(query=b"a=1&a=2"),
        _key(query=b"a=2&a=1"),
        _key(query=b"a=\xc3\xa4"),
        _key(query=b"a=\xe4"),
        _key(f"{LIST}/x"),
        _key(source="db-2"),
        _key(access=None),
        _key(access=msgspec.structs.replace(VIEWER, role="admin")),
        _key(access=scoped),
        _key(access=scoped, hosts=["edge-1"]),
    ]
    assert len({*same, *others}) == 1 + len(others)


@pytest.mark.parametrize("size", [10, 100_000])
def test_an_answer_comes_back_as_it_was(size: int) -> None:
    answer = KeptAnswer("key", 1.5, LIST, NEXT, b"x" * size)
    assert unpack(pack(answer), "key") == answer
    assert unpack(pack(answer), "another") is None


@pytest.mark.parametrize(
    "found",
    [
        b"",
        b"rubbish",
        b"\1rubbish",
        b"\0" + msgspec.msgpack.encode(("key", 1.5, LIST, "", "no bytes")),
        b"\0" + msgspec.msgpack.encode(("key", float("nan"), LIST, "", b"")),
        b"\0" + msgspec.msgpack.encode(("key", float("inf"), LIST, "", b"")),
        b"\0" + msgspec.msgpack.encode(("key", 1.5, LIST, "<?a>\r\nset-cookie: a=b", b"")),
        b"\0" + msgspec.msgpack.encode(("key", 1.5, "x" * 10_000, "", b"")),
        b"\0\x95\xa3key\x01\xa1\xff\xa0\xc4\x00",
        b"\1" + zstandard.ZstdCompressor().compress(bytes(3 * MOST_BYTES)),
        bytes(3 * MOST_BYTES),
    ],
)
def test_what_others_wrote_is_no_answer(found: bytes) -> None:
    assert unpack(found, "key") is None


def test_an_answer_of_the_future_is_not_new_for_ever() -> None:
    answer = KeptAnswer("key", 1000.0, LIST, "", b"")
    assert [answer.age(now) for now in (1004, 999, 900)] == [4, 0, float("inf")]


def test_memory_lets_go_of_what_is_used_least() -> None:
    memory = Memory(3 * (OVERHEAD + 10))
    for name in "abc":
        memory.put(name, b"x" * 10)
    assert memory.get("a")
    memory.put("d", b"y" * 10)
    assert memory.get("b") is None
    assert memory.get("a") == b"x" * 10
    memory.put("a", b"z" * 10_000)
    assert (len(memory), memory.bytes) == (0, 0)


def test_what_fails_again_and_again_is_asked_ever_more_rarely() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    for _ in range(FAILURES - 1):
        assert not breaker.failed()
    seen = [breaker.is_open]
    assert breaker.failed()
    seen.append(breaker.is_open)
    now = FIRST_PAUSE
    seen.append(breaker.is_open)
    assert breaker.failed()
    now += FIRST_PAUSE
    seen.append(breaker.is_open)
    now += FIRST_PAUSE
    assert seen == [False, True, False, True]
    assert breaker.worked()
    assert not breaker.worked()
    assert not breaker.failed()


def test_an_answer_is_shared_for_a_while_among_those_who_may_see_it(redis: Redis) -> None:
    async def work() -> None:
        server, other = Server(), Server()
        shared = [SharedCache(redis.url, PASSWORD, 5) for _ in range(2)]
        one = server.cache(shared[0]).around(server)
        two = other.cache(shared[1]).around(other)
        status, headers, document = await _get(one)
        assert (status, document) == (200, {"asked": 1})
        assert "age" not in headers
        other.clock += 4
        _, headers, document = await _get(two)
        assert (headers["age"], document, other.asked) == ("4", {"asked": 1}, 0)
        assert "x-fleet-stale" not in headers
        assert headers["link"] == NEXT
        scoped = Access(kind="token", scope=(("site", "fra"),))
        for _ in range(2):
            await _get(two, access=scoped)
        assert other.asked == 1
        await _get(two, cache_control="no-cache")
        assert other.asked == 2
        other.clock += 7
        await _get(two)
        assert other.asked == 3
        _, _, document = await _get(two, f"{LIST}/edge-1/web")
        assert other.asked == 4
        other.hosts = {**other.hosts, "edge-2": {"site": "fra"}}
        await _get(two, access=scoped)  # who sees other hosts now is answered anew
        assert other.asked == 5
        for each in shared:
            await each.aclose()

    _run(work)


@pytest.mark.parametrize("with_shared", [True, False], ids=["shared", "memory"])
def test_while_the_database_is_away_old_answers_say_that_they_are(
    redis: Redis, with_shared: bool
) -> None:
    async def work() -> None:
        server = Server()
        shared = SharedCache(redis.url, PASSWORD, 5) if with_shared else None
        cache = server.cache(shared, f"away {with_shared}")
        app = cache.around(server)
        await _get(app)
        server.trouble = "history-unavailable"
        server.clock += 100
        status, headers, document = await _get(app)
        assert (status, document) == (200, {"asked": 1})
        assert (headers["x-fleet-stale"], headers["age"]) == ("100", "100")
        assert headers["warning"].startswith("111")
        server.away = True  # known already: nobody is asked
        await _get(app)
        assert server.asked == 2
        server.clock += 900
        status, _, problem = await _get(app)
        assert (status, problem["type"]) == (503, "urn:fleet:problem:history-unavailable")
        server.trouble = "too-many-streams"
        status, _, _ = await _get(app)
        assert status == 503
        told = "".join(line for family in cache.families() for line in family.lines)
        assert 'fleet_cache_answers_total{outcome="stale"} 2' in told
        if shared is not None:
            await shared.aclose()

    _run(work)


def test_a_cache_that_is_silent_or_gone_costs_little_and_comes_back(redis: Redis) -> None:
    async def work() -> None:
        server = Server()
        shared = SharedCache(redis.url, PASSWORD, 0.05)
        app = server.cache(shared, "silent").around(server)
        redis.pause()
        try:
            for number in range(10):
                assert (await _get(app))[2] == {"asked": number + 1}
        finally:
            redis.resume()
        assert FAILURES <= shared.failures < 20  # each would have asked twice
        await _tried_again(shared)
        redis.kill()
        before = shared.failures
        await _get(app)
        assert shared.failures > before
        redis.start_again()
        await _tried_again(shared)
        patient = SharedCache(redis.url, PASSWORD, 5)
        await patient.put("test:key", b"data", 60)
        assert await patient.get("test:key") == b"data"
        await patient.aclose()
        await shared.aclose()

    _run(work)


def test_many_calls_at_once_are_no_failure(redis: Redis) -> None:
    async def work() -> None:
        shared = SharedCache(redis.url, PASSWORD, 20)
        await asyncio.gather(*(shared.get("test:none") for _ in range(3 * CONNECTIONS)))
        assert (shared.failures, shared.skipped) == (0, 2 * CONNECTIONS)
        await shared.aclose()

    _run(work)


def test_a_wrong_password_is_a_cache_that_does_not_work(redis: Redis) -> None:
    async def work() -> None:
        shared = SharedCache(redis.url, "wrong", 5)
        assert await shared.get("test:key") is None
        assert shared.failures == 1
        await shared.aclose()

    _run(work)
