"""What is kept in order without sorting it anew, and what is due in time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from labels.routing.ordered import Ordered
from labels.routing.timers import Timers
from tests.labels.telling import after

_numbers = st.integers(0, 9)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.sampled_from([0, 500]),
    st.lists(st.tuples(_numbers, st.one_of(st.none(), _numbers), st.booleans())),
)
def test_values_are_in_the_order_of_their_keys(
    others: int, steps: list[tuple[int, int | None, bool]]
) -> None:
    ordered: Ordered[tuple[int], int] = Ordered()
    plain: dict[int, int] = {number * 10 + 3: number for number in range(-others // 2, others // 2)}
    for number, other in plain.items():
        ordered.put((number,), other)
    assert ordered.values == tuple(plain.values())
    for key, value, look in steps:
        before = ordered.values if look else None
        assert ordered.put((key,), value) == (plain.get(key) != value)
        if value is None:
            plain.pop(key, None)
        else:
            plain[key] = value
        if look:
            assert ordered.values == tuple(plain[key] for key in sorted(plain))
            assert [key for (key,) in ordered.keys] == sorted(plain)
            assert (ordered.values == before) == (ordered.values is before)
    assert len(ordered) == len(plain)


def test_appointments_come_up_once_at_the_time_they_were_last_moved_to() -> None:
    timers = Timers()
    timers.put(("a",), after(1), "x")
    timers.put(("b",), after(3), "y")
    timers.put(("a",), after(5), "z")
    timers.put(("c",), after(2))
    timers.put(("c",), None)
    assert timers.first == after(3)
    assert [made.event for made in timers.due(after(4))] == ["y"]
    assert [made.event for made in timers.due(after(5))] == ["z"]
    assert list(timers.due(after(99))) == []
    assert timers.first is None
