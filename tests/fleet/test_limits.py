"""What all hosts share, by trio's own clock."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import trio
import trio.testing

from config.models import Fleet
from fleet.limits import LONGEST_ROOM_SECONDS, Limits


async def test_who_waits_for_room_asks_ever_more_rarely(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - by its clock
) -> None:
    asked: list[float] = []

    def has_room() -> bool:
        asked.append(trio.current_time())
        return len(asked) == 50

    limits = replace(Limits.of(Fleet(data_dir=Path("/nonexistent"))), has_room=has_room)
    await limits.room()
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert len(pauses) == 49
    assert pauses[0] < LONGEST_ROOM_SECONDS / 2 <= min(pauses[10:])
    assert max(pauses) <= LONGEST_ROOM_SECONDS + 0.01
