"""Sums of increases against the truth that a made-up container knows of itself."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from fleet.increases import FASTEST, LARGEST, began_since, increase, increases, run_of
from fleet.model import Counters
from tests.fleet.values import NOON

SECOND = timedelta(seconds=1)


def counters(value: int | None, at: int = 0, **fields: object) -> Counters:
    known = {
        "time": NOON + at * SECOND,
        "read": NOON + at * SECOND,
        "cpu_total": value or 0,
        "network_rx": value,
        "network_tx": value,
        "block_read": value,
        "block_write": value,
    }
    return Counters(**(known | fields))  # type: ignore[arg-type]  # as the test names them


def grown(now: Counters, before: Counters | None) -> int | None:
    found = set(increases(now, before))
    assert len(found) == 1
    return found.pop()


def test_within_a_run_it_is_the_difference() -> None:
    assert grown(counters(7, 10, started=NOON), counters(5, started=NOON)) == 2
    assert grown(counters(5, 10, started=NOON), counters(5, started=NOON)) == 0
    assert grown(counters(7, 10), counters(5)) == 2  # an Engine that tells no start


def test_a_counter_that_went_back_counts_from_zero() -> None:
    assert grown(counters(3, 10, started=NOON), counters(5, started=NOON)) == 3


def test_another_run_counts_from_zero_even_where_it_overtook_the_last() -> None:
    old, new = NOON - 99 * SECOND, NOON + SECOND
    assert grown(counters(9, 10, started=new), counters(5, started=old)) == 9


def test_what_grows_faster_than_anything_can_is_not_known() -> None:
    before = counters(0, started=NOON)
    assert grown(counters(10 * FASTEST, 10, started=NOON), before) == 10 * FASTEST
    assert grown(counters(10 * FASTEST + 1, 10, started=NOON), before) is None
    assert grown(counters(FASTEST, -10, started=NOON), before) == FASTEST
    assert grown(counters(LARGEST, started=NOON), None) is None


@pytest.mark.parametrize(
    ("age", "expected"), [(0, 5), (60, 5), (61, None), (-1, None), (None, None)]
)
def test_without_a_sample_before_a_young_run_is_counted(
    age: int | None, expected: int | None
) -> None:
    started = None if age is None else NOON - age * SECOND
    assert grown(counters(5, started=started), None) == expected


def test_age_is_judged_by_the_engines_clock_where_it_tells() -> None:
    fast = counters(5, started=NOON + 3600 * SECOND, read=NOON + 3610 * SECOND)
    assert grown(fast, None) == 5
    silent = counters(5, started=NOON - SECOND, read=None)
    assert grown(silent, None) == 5


def test_a_run_sampled_before_its_start_was_known_is_not_counted_twice() -> None:
    old, new = NOON, NOON + 10 * SECOND
    samples = [
        counters(100, 5, started=old),
        counters(4, 11, started=old),  # restarted, but not inspected yet
        counters(6, 12, started=new),
    ]
    assert grown(samples[1], samples[0]) == 4
    assert grown(samples[2], samples[1]) == 2


def test_an_answer_that_was_under_way_during_a_restart_is_of_the_run_before() -> None:
    old, new = NOON, NOON + 10 * SECOND
    before = counters(100, 5, started=old)
    read = NOON + 9 * SECOND
    assert run_of(new, read, before) == old
    assert run_of(new, read, None) is None
    assert run_of(new, new, before) == new
    assert run_of(new, None, before) == new
    assert run_of(None, read, before) is None
    an_hour_back = new - 3600 * SECOND  # a clock that was set, not an answer that was late
    assert run_of(new, an_hour_back, before) == new


def test_a_start_that_was_not_stored_is_not_taken_for_another() -> None:
    stored = counters(1000, started=None, read=None)
    assert grown(counters(1001, 10, started=NOON), stored) == 1
    assert not began_since(counters(1001, 10), counters(1000, started=NOON))


def test_a_counter_that_was_unknown_is_counted_from_now_on() -> None:
    long_ago = NOON - 999 * SECOND
    before = counters(None, started=long_ago, read=NOON - SECOND)
    assert increases(counters(5, 10, started=long_ago), before).network_rx is None
    assert increases(counters(5, 10, started=NOON), before).network_rx == 5
    assert increases(counters(None, 10, started=NOON), before).network_rx is None


def test_no_counter_whatever_gives_an_increase_that_cannot_be_stored() -> None:
    rng = random.Random(20260102)  # noqa: S311 - a test that repeats
    odd = (None, -(2**70), -1, 0, 1, LARGEST - 1, LARGEST, LARGEST + 1, 2**64, 10**400)
    for _ in range(5000):
        value, before = (
            rng.choice(odd) if rng.random() < 0.5 else rng.randrange(2**64) for _ in range(2)
        )
        found = increase(value, before, counts_from_zero=rng.random() < 0.3)
        assert found is None or 0 <= found <= LARGEST


def test_sums_are_what_a_container_did_however_it_is_restarted_and_seen() -> None:
    """A life of many runs, sampled at odd times, with outages and a late inspect."""
    rng = random.Random(7)  # noqa: S311 - as above
    for _ in range(300):
        at, value, done, started, labelled = 0, 0, 0, NOON, NOON
        before: Counters | None = None
        summed = 0
        for _ in range(rng.randrange(2, 60)):
            at += rng.choice((1, 10, 10, 10, 7200))
            if rng.random() < 0.2:
                at += 1
                value, started = 0, NOON + at * SECOND
                at += 1
            # Only a run that has done less than the last can be told from it without its start.
            room = before.cpu_total if before is not None and labelled != started else 10**6
            step = rng.randrange(room) if room else 0
            value, done = value + step, done + step
            if before is None or before.cpu_total <= value or rng.random() < 0.7:
                labelled = started
            stored = rng.random() < 0.1 and labelled == started  # fleet was restarted
            now = counters(value, at, started=labelled)
            if before is not None:
                summed += increases(now, before).cpu or 0
            else:
                done = 0
            before = now if not stored else counters(value, at, started=labelled, read=None)
        assert summed == done
