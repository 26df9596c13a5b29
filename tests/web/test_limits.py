"""Who one client is, what it may take, and when it has to wait."""

from __future__ import annotations

import pytest
from litestar.types import Receive, Scope, Send

from web.limits import attempts
from web.limits.addresses import TrustedProxies, client_key
from web.limits.buckets import Rate
from web.limits.clients import MOST_CLIENTS, Rates
from web.limits.edge import Allowance, Edge
from web.limits.lockout import FIRST_PAUSE, FORGET, LONGEST_PAUSE, MOST_KNOWN, WINDOW, Lockouts


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::9", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("unknown", "", True),
    ],
)
def test_what_is_one_client(one: str, other: str, same: bool) -> None:
    assert (client_key(one) == client_key(other)) is same


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.5", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.5", ["1.1.1.1, 192.0.2.7"], "192.0.2.7"),  # what it says of others is made up
        ("10.0.0.5", ["1.1.1.1, 192.0.2.7, 10.0.0.6"], "192.0.2.7"),  # through two of ours
        ("10.0.0.5", ["1.1.1.1", "192.0.2.7"], "192.0.2.7"),
        ("10.0.0.5", ["192.0.2.7:4711"], "192.0.2.7"),
        ("10.0.0.5", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.5", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.5", ["1.1.1.1, unknown"], "10.0.0.5"),
        ("10.0.0.5", ["1.1.1.1, , 10.0.0.6"], "10.0.0.6"),
        ("10.0.0.5", ["10.0.0.7"], "10.0.0.7"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("::ffff:10.0.0.5", ["192.0.2.7"], "192.0.2.7"),
        ("unknown", ["192.0.2.7"], "192.0.2.7"),  # by a Unix socket
        ("192.0.2.9", ["1.1.1.1"], "192.0.2.9"),  # anybody can say so
        ("10.0.0.5", [", ".join(["1.1.1.1"] * 5000)], "1.1.1.1"),
    ],
)
def test_whom_a_proxy_asks_for(peer: str, forwarded: list[str], client: str) -> None:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    headers.append((b"x-forwarded-proto", b"https"))
    origin = TrustedProxies(["10.0.0.0/8", "unix"]).origin(peer, "http", headers)
    assert origin.address == client
    assert origin.scheme == ("http" if peer == "192.0.2.9" else "https")


def test_a_rate_has_a_burst_and_fills_again() -> None:
    clock = Clock()
    rates = Rates(Rate(2, 3), clock)
    assert [rates.take("10.0.0.1") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rates.take("10.0.0.2") == 0
    clock.now += 0.5
    assert [rates.take("10.0.0.1") for _ in range(2)] == [0, 0.5]
    clock.now += 3600
    assert [rates.take("10.0.0.1") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now -= 10  # a clock that is set back fills nothing, and takes nothing
    assert rates.take("10.0.0.1") == 0.5


def test_no_rate_is_no_limit_and_the_table_is_bounded() -> None:
    rates = Rates(Rate(0, 1))
    assert not any(rates.take("10.0.0.1") for _ in range(100))
    for number in range(MOST_CLIENTS + 10):
        rates.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(rates) == MOST_CLIENTS
    assert rates.forgotten >= 10


def test_pauses_grow_and_are_forgotten() -> None:
    clock, told = Clock(), list[tuple[str, float, int]]()
    locks = Lockouts(3, locked=lambda *what: told.append(what), clock=clock)
    secret = locks.digest(b"wrong")

    def fail() -> float:
        for _ in range(3):
            assert locks.wait("10.0.0.1", secret) == 0
            locks.failed("10.0.0.1")
        return locks.wait("10.0.0.1", secret)

    pauses = []
    for _ in range(7):
        pauses.append(fail())
        clock.now += pauses[-1]
    assert pauses == [30, 60, 120, 240, 480, LONGEST_PAUSE, LONGEST_PAUSE]
    assert told[:2] == [("10.0.0.1", 30, 1), ("10.0.0.1", 60, 2)]
    clock.now += FORGET + 1
    assert fail() == FIRST_PAUSE
    assert locks.wait("10.0.0.2", secret) == 0
    assert locks.wait("10.0.0.1", b"") == 0  # who has no credentials guesses none


def test_failures_that_are_rare_lock_nobody_out() -> None:
    clock = Clock()
    locks = Lockouts(3, clock=clock)
    for _ in range(20):
        locks.failed("10.0.0.1")
        clock.now += WINDOW / 2 - 1
    assert locks.count > 0  # three within the window
    calm = Lockouts(3, clock=clock)
    for _ in range(20):
        calm.failed("10.0.0.1")
        clock.now += WINDOW / 2 + 1
    assert calm.count == 0


def test_credentials_that_were_right_go_on() -> None:
    locks = Lockouts(2, clock=Clock())
    right, wrong = locks.digest(b"right"), locks.digest(b"wrong")
    locks.succeeded("10.0.0.1", right)
    locks.failed("10.0.0.1")
    locks.succeeded("10.0.0.1", right)  # forgives nothing
    locks.failed("10.0.0.1")
    assert locks.wait("10.0.0.1", right) == 0
    assert locks.wait("10.0.0.1", wrong) == FIRST_PAUSE
    for number in range(MOST_KNOWN):
        locks.succeeded("10.0.0.1", locks.digest(str(number).encode()))
    assert locks.wait("10.0.0.1", right) == FIRST_PAUSE
    never = Lockouts(0)
    for _ in range(100):
        never.failed("10.0.0.1")
    assert never.wait("10.0.0.1", wrong) == 0


class Asked:
    """One request through an edge in front of a lock that `right` opens."""

    def __init__(self, allowance: Allowance, clock: Clock) -> None:
        locks = Lockouts(allowance.wrong_credentials, clock=clock)
        self.edge = Edge(self._answer, allowance, locks)
        self.seen: list[tuple[str, str]] = []

    async def _answer(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.seen.append((attempts.client_of(scope), str(scope["scheme"])))
        right = (b"authorization", b"right") in scope["headers"]
        (attempts.succeeded if right else attempts.failed)(scope)
        await send({"type": "http.response.start", "status": 200 if right else 401, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def __call__(
        self, client: str, *headers: tuple[bytes, bytes], scheme: str = "http"
    ) -> dict[bytes, bytes]:
        """The headers of the answer, with its status as `status`."""
        found: dict[bytes, bytes] = {}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                found.update(message["headers"])  # type: ignore[call-overload]  # pairs of bytes
                found[b"status"] = str(message["status"]).encode()

        scope: dict[str, object] = {
            "type": "http",
            "client": (client, 1),
            "headers": list(headers),
            "path": "/",
        }
        scope |= {"method": "GET", "scheme": scheme, "raw_path": b"/", "state": {}}
        await self.edge(scope, _nothing, send)  # type: ignore[arg-type]  # as a server calls it
        return found


async def _nothing() -> dict[str, object]:
    raise AssertionError("nothing is to be read")


async def test_the_edge_says_when_to_come_again() -> None:
    asked = Asked(Allowance(requests_per_second=1, burst=2, wrong_credentials=3), Clock())
    right = (b"authorization", b"right")
    answers = [await asked("192.0.2.1", right) for _ in range(3)]
    assert [answer[b"status"] for answer in answers] == [b"200", b"200", b"429"]
    assert int(answers[2][b"retry-after"]) == 1
    assert answers[2][b"content-type"].startswith(b"application/problem+json")
    assert (await asked("192.0.2.2", right))[b"status"] == b"200"
    local = [await asked("127.0.0.1", right) for _ in range(50)]
    assert {answer[b"status"] for answer in local} == {b"200"}
    assert asked.edge.counts.limited["rate"] == 1


async def test_the_edge_locks_out_who_guesses() -> None:
    clock = Clock()
    asked = Asked(Allowance(wrong_credentials=3), clock)
    right, proxied = (b"authorization", b"right"), (b"x-forwarded-for", b"192.0.2.77")
    assert (await asked("127.0.0.1", right))[b"status"] == b"200"
    for number in range(3):  # also this machine's own: a proxy may ask from here
        guess = (b"authorization", str(number).encode())
        assert (await asked("127.0.0.1", guess, proxied))[b"status"] == b"401"
    answer = await asked("127.0.0.1", (b"authorization", b"another"))
    assert (answer[b"status"], answer[b"retry-after"]) == (b"429", b"30")
    assert (await asked("127.0.0.1", right))[b"status"] == b"200"
    assert (await asked("127.0.0.1"))[b"status"] == b"401"
    clock.now += 30
    assert (await asked("127.0.0.1", (b"authorization", b"another")))[b"status"] == b"401"


async def test_the_edge_believes_trusted_proxies_alone() -> None:
    asked = Asked(Allowance(burst=1, trusted_proxies=("10.0.0.5",)), Clock())
    proxied = ((b"x-forwarded-for", b"192.0.2.77"), (b"x-forwarded-proto", b"https"))
    answer = await asked("10.0.0.5", *proxied)
    assert b"strict-transport-security" not in answer  # the proxy's to say
    await asked("10.0.0.6", *proxied)
    assert asked.seen == [("192.0.2.77", "https"), ("10.0.0.6", "http")]
    assert (await asked("10.0.0.5", *proxied))[b"status"] == b"429"
    assert b"strict-transport-security" in await asked("192.0.2.9", scheme="https")
    assert not asked.edge.is_counted("10.0.0.5")
    assert "unknown" not in TrustedProxies(["10.0.0.5"])
