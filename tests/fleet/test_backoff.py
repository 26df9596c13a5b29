from __future__ import annotations

from config.models import Retry
from fleet.backoff import Backoff


def test_delays_are_jittered_grow_and_are_capped() -> None:
    def draw(attempts: int) -> float:
        backoff = Backoff(Retry(minimum=0.5, maximum=10.0, backoff=2.0))
        for _ in range(attempts - 1):
            backoff.next_delay()
        return backoff.next_delay()

    first = [draw(1) for _ in range(300)]
    later = [draw(30) for _ in range(300)]
    assert all(0 <= delay <= 0.5 for delay in first)
    assert all(0 <= delay <= 10 for delay in later)
    assert max(later) > 8
    assert min(later) < 2
    assert len(set(later)) > 250


def test_a_stable_connection_begins_again() -> None:
    backoff = Backoff(Retry())
    for _ in range(10):
        backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() <= 0.5
