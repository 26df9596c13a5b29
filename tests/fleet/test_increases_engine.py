"""Increases on a real Engine, whose raw counters they must add up to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import trio

from connectors.times import parse_time
from tests.faults.watched import FAST, local, watched
from tests.lab.containers import ContainerSpec, remove_container
from tests.lab.engines import Engine

BUSY = ContainerSpec(command=("sh", "-c", "exec yes >/dev/null"))


async def blocking(call: Callable[..., Any], *words: Any, **named: Any) -> Any:
    """Run a call of the Docker SDK without holding up the fleet."""
    return await trio.to_thread.run_sync(lambda: call(*words, **named))


async def test_sums_are_the_raw_counters_across_restarts_outages_and_a_recreate(
    engine_2010: Engine,
) -> None:
    host = local("a", engine_2010, monitoring=msgspec.structs.replace(FAST, stats_interval=0.5))
    sdk = engine_2010.sdk().api
    runs: list[datetime] = []

    async with watched(host) as fleet:
        await fleet.until_up("a")

        async def worked() -> None:
            """Wait until this run is known to have used CPU."""
            started = await blocking(lambda: sdk.inspect_container("busy")["State"]["StartedAt"])
            begun = parse_time(started)
            assert begun is not None
            runs.append(begun)

            def has_worked() -> bool:
                _, last = next(reversed([*fleet.samples_of("a", "busy")]), (0, None))
                return last is not None and last.started == begun and last.cpu_total > 5 * 10**8

            await fleet.until(has_worked, "CPU time", 60)

        await blocking(engine_2010.run_container, "busy", BUSY)
        await worked()
        await blocking(sdk.restart, "busy", timeout=0)
        await worked()
        fleet.want(host, restart=frozenset({"a"}))  # a new connection to the same run
        await fleet.until(lambda: fleet.statuses("a").count("up") == 2, "up anew")
        await worked()
        fleet.want(msgspec.structs.replace(host, enabled=False))
        await fleet.until(lambda: fleet.status("a") == "disabled", "nobody watches")
        await blocking(sdk.restart, "busy", timeout=0)
        fleet.want(host)
        await worked()
        await blocking(remove_container, engine_2010.sdk(), "busy")
        await blocking(engine_2010.run_container, "busy", BUSY)
        await worked()

    last: dict[datetime, int] = {}
    for _, sample in fleet.samples_of("a", "busy"):
        assert sample.read is not None
        last[max(run for run in runs if run <= sample.read)] = sample.cpu_total
    assert len(last) == 4
    increases = [sample.cpu_increase for _, sample in fleet.samples_of("a", "busy")]
    assert None not in increases
    assert sum(filter(None, increases)) == sum(last.values())
