"""Drawing for many viewers leaves half of the time to all else."""

from __future__ import annotations

import trio
import trio.testing

from web.loop_share import LoopShare


async def test_each_rests_for_as_long_as_the_one_before_worked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    share, began = LoopShare(), list[float]()
    start = trio.current_time()

    def work() -> None:
        began.append(trio.current_time() - start)
        autojump_clock.jump(2.0)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(share.do, work)
    assert began == [0.0, 4.0, 8.0]
    await trio.sleep(10)
    await share.do(work)
    assert began[-1] == 20.0
