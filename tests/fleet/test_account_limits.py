"""How often passwords may be tried, and what may be one."""

import pytest
import trio
from argon2 import PasswordHasher

from fleet.accounts.names import checked_name, checked_password, name_from
from fleet.accounts.passwords import AT_ONCE, MOST_WAITING, Passwords
from fleet.accounts.throttle import MOST, Throttle
from web.access.people import LoginRefusedError, PasswordRefusedError
from web.limits.buckets import Rate

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.{}"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_whole_world_that_guesses_holds_up_nobody_who_is_known() -> None:
    clock = Clock()
    throttle = Throttle(Rate(per_second=1 / 20, burst=3), clock)
    throttle.know("ada", HOME)
    throttle.succeeded("ada", ELSEWHERE.format(1), "right")
    guesses = [throttle.take("ada", ELSEWHERE.format(number), "guess") for number in range(9, 14)]
    assert guesses[:3] == [0, 0, 0]
    assert min(guesses[3:]) > 0
    assert throttle.take("ada", HOME, "mistyped") == 0  # counted apart
    assert throttle.take("ada", ELSEWHERE.format(9), "right") == 0  # never held up
    assert throttle.take("eve", ELSEWHERE.format(9), "guess") == 0
    clock.now += 20
    assert throttle.take("ada", ELSEWHERE.format(9), "guess") == 0  # for good it is nobody
    for _ in range(3):
        throttle.take("ada", HOME, "mistyped")
    assert throttle.take("ada", HOME, "mistyped") > 0


def test_what_the_throttle_remembers_is_bounded() -> None:
    throttle = Throttle()
    for number in range(MOST + 10):
        throttle.take(f"name {number}", HOME, "x")
        throttle.succeeded(f"name {number}", HOME, "x")
    assert [len(held) for held in (throttle._tries, throttle._homes, throttle._right)] == [MOST] * 3


async def test_hashes_wait_for_a_turn_but_not_in_a_long_queue() -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    await passwords.prepare()
    stored = await passwords.hash("correct horse")
    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "correct hors")
    assert not await passwords.verify(None, "correct horse")
    assert not await passwords.verify("no hash", "correct horse")
    outcomes: list[str] = []

    async def log_in() -> None:
        try:
            outcomes.append(str(await passwords.verify(stored, "correct horse")))
        except LoginRefusedError as error:
            outcomes.append(error.fault)

    many = AT_ONCE + MOST_WAITING + 5
    async with trio.open_nursery() as nursery:
        for _ in range(many):
            nursery.start_soon(log_in)
    assert sorted(outcomes) == ["True"] * (many - 5) + ["busy"] * 5


def test_a_password_is_the_same_however_it_was_typed() -> None:
    assert checked_password("caf\u00e9 caf\u00e9 caf\u00e9", "x") == checked_password(
        "cafe\u0301 cafe\u0301 cafe\u0301", "x"
    )


@pytest.mark.parametrize("password", ["short", "a" * 12, "x" * 1025, "administrator"])
def test_bad_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordRefusedError) as refused:
        checked_password(password, "administrator")
    assert password not in str(refused.value)


def test_names() -> None:
    assert checked_name(" Ada.L@example.org ") == "ada.l@example.org"
    for name in ("", "-a", "a b", "a/b", "\u00e4da", "x" * 65, "a\0"):
        with pytest.raises(PasswordRefusedError):
            checked_name(name)
    assert name_from("\u00c4da L\u00f6velace!") == "ada-lovelace"
    assert name_from("\u65e5\u672c") == ""
    assert checked_name(name_from("x" * 100)) == "x" * 60
