"""Lines of logs to who sees only some hosts: for as long as they see the one they follow."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.web.logs_in_memory import LogsInMemory, make_line
from web.access.model import Access
from web.access.scope import Sight
from web.access.scoped_live import ScopedLogs
from web.problems import Problem

BERLIN = Access(kind="token", scope=(("site", "berlin"),))
ID = "ab" * 32


async def test_lines_come_while_the_host_is_seen(nursery: trio.Nursery) -> None:
    labels = {"one": {"site": "berlin"}, "two": {"site": "fra"}}
    source, told = LogsInMemory(), list[str]()
    logs = ScopedLogs(source, Sight(BERLIN, lambda: labels))

    async def follow() -> None:
        with logs.subscribe([("one", ID)]) as subscription:
            while True:
                await subscription.arrived()
                told.extend(line.line for line in subscription.take())

    nursery.start_soon(follow)
    await trio.testing.wait_all_tasks_blocked()
    lines = source.followers["one", ID]
    for number, site in enumerate(("berlin", "fra", "berlin")):
        labels["one"] = {"site": site}
        lines.put(make_line(number))
        await trio.testing.wait_all_tasks_blocked()
    assert told == ["line 0", "line 2"]


def test_a_host_that_is_not_seen_is_nobody() -> None:
    logs = ScopedLogs(LogsInMemory(), Sight(BERLIN, lambda: {"two": {"site": "fra"}}))
    with pytest.raises(Problem, match="No host is called"), logs.subscribe([("two", ID)]):
        pass
