"""The program itself as metrics, but for its web server, which tells its own. Cheap and at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from platform import python_version
from typing import get_args

import trio

from fleet.instruments import Instruments
from fleet.limits import Limits
from fleet.version import VERSION
from storage.recorder import RecorderStatus, State
from web.documents import ConfigDocument, RouteCountsDocument
from web.exposition.text import Family


@dataclass(frozen=True)
class Parts:
    """What is asked.

    Attributes:
        instruments: What was counted.
        limits: What all hosts share.
        recorder: How the writing goes.
        config: The state of the configuration.
        routes: The routes in short.
        surroundings: What the program's log and traces count.
    """

    instruments: Instruments
    limits: Limits
    recorder: Callable[[], RecorderStatus]
    config: Callable[[], ConfigDocument]
    routes: Callable[[], RouteCountsDocument]
    surroundings: Callable[[], list[Family]] = list


def own_families(parts: Parts) -> list[Family]:
    """All of them."""
    return [
        *_program(parts.config()),
        *_watching(parts.instruments),
        *_asking(parts.instruments, parts.limits),
        *_writing(parts.instruments, parts.recorder()),
        *_routing(parts.instruments, parts.routes()),
        *parts.surroundings(),
    ]


def _program(config: ConfigDocument) -> list[Family]:
    build = Family("fleet_build", "info", "The version that runs.")
    return [
        build.add(1, version=VERSION, python=python_version()),
        Family(
            "fleet_config_last_reload_successful",
            "gauge",
            "Whether what runs is what the file says; 0 while the file is refused.",
        ).add(config.error is None),
        Family(
            "fleet_config_last_reload_success_timestamp_seconds",
            "gauge",
            "When the configuration that runs was taken over, in Unix time.",
        ).add(config.loaded.timestamp()),
    ]


def _watching(counted: Instruments) -> list[Family]:
    errors = Family(
        "fleet_host_connection_errors", "counter", "Attempts to follow a host that failed."
    )
    for (host, kind), count in counted.errors.items():
        errors.add(count, host=host, kind=kind)
    return [
        Family("fleet_host_events", "counter", "Events of Engines, each once.").add_each(
            "host", counted.events.items()
        ),
        Family("fleet_host_samples", "counter", "Samples of containers.").add_each(
            "host", counted.samples.items()
        ),
        Family("fleet_host_log_lines", "counter", "Lines of containers' logs.").add_each(
            "host", counted.log_lines.items()
        ),
        errors,
        Family(
            "fleet_discovery_duration_seconds",
            "histogram",
            "Time to list and inspect all containers of a host, once it is connected.",
        ).add_histogram(counted.lists),
        Family(
            "fleet_loop_lateness_seconds",
            "histogram",
            "How late the loop, which does everything, woke from a sleep of one second.",
        ).add_histogram(counted.lateness),
    ]


def _asking(counted: Instruments, limits: Limits) -> list[Family]:
    calls = Family(
        "fleet_engine_request_duration_seconds",
        "histogram",
        "Time that a request to an Engine took, once there was a place for it.",
    )
    for call, histogram in counted.calls.by_word.items():
        calls.add_histogram(histogram, call=call)
    pools = limits.traffic.counts()
    return [
        calls,
        Family(
            "fleet_engine_request_failures", "counter", "Requests to Engines without an answer."
        ).add_each("call", counted.failed_calls.items()),
        Family("fleet_engine_connections", "gauge", "Open connections to Engines.").add_each(
            "use", (("request", pools.active), ("idle", pools.idle), ("stream", pools.streams))
        ),
        Family("fleet_engine_connections_opened", "counter", "Connections made to Engines.").add(
            pools.opened
        ),
        Family("fleet_engine_requests_waiting", "gauge", "Requests without a connection.").add(
            pools.waiting
        ),
        *_limiter("dials", "Hosts being connected to", limits.dials),
        *_limiter("inspects", "Containers being inspected", limits.operations),
    ]


def _limiter(name: str, meaning: str, limiter: trio.CapacityLimiter) -> list[Family]:
    waiting = limiter.statistics().tasks_waiting
    return [
        Family(f"fleet_{name}_in_flight", "gauge", f"{meaning} now.").add(limiter.borrowed_tokens),
        Family(f"fleet_{name}_waiting", "gauge", f"{meaning} once there is a place.").add(waiting),
    ]


def _writing(counted: Instruments, status: RecorderStatus) -> list[Family]:
    states = ((state, float(state == status.state)) for state in get_args(State))
    lost = {table: count + status.refused.get(table, 0) for table, count in status.dropped.items()}
    return [
        Family("fleet_storage_state", "gauge", "1 for how the writing goes.").add_each(
            "state", states
        ),
        Family("fleet_storage_queued_rows", "gauge", "Rows in memory, by table.").add_each(
            "table", status.queued.items()
        ),
        _by_table("written", "Rows that the database took.", status.written),
        _by_table("spooled", "Rows that were put on disk first.", status.spooled),
        _by_table("lost", "Rows lost for want of room, or refused.", lost),
        Family("fleet_storage_spool_rows", "gauge", "Rows on disk.").add(status.spool.rows),
        Family("fleet_storage_spool_bytes", "gauge", "Size of the rows on disk.").add(
            status.spool.bytes
        ),
        Family(
            "fleet_storage_batch_rows", "histogram", "Rows of each batch that the database took."
        ).add_histogram(counted.batches),
        Family(
            "fleet_storage_write_duration_seconds", "histogram", "Time that each batch took."
        ).add_histogram(counted.writes),
    ]


def _by_table(word: str, meaning: str, counts: Mapping[str, int]) -> Family:
    return Family(f"fleet_storage_rows_{word}", "counter", meaning).add_each(
        "table", counts.items()
    )


def _routing(counted: Instruments, routes: RouteCountsDocument) -> list[Family]:
    by_status = (("up", routes.up), ("degraded", routes.degraded), ("down", routes.down))
    severities = (("error", routes.errors), ("warning", routes.warnings))
    return [
        Family("fleet_routes", "gauge", "Routes by status.").add_each("status", by_status),
        Family(
            "fleet_routes_held", "gauge", "Routes that would be gone, but too many went at once."
        ).add(routes.held),
        Family("fleet_route_issues", "gauge", "What is wrong with labels and routes.").add_each(
            "severity", severities
        ),
        Family("fleet_route_conflicts", "gauge", "Domains and paths that several want.").add(
            routes.conflicts
        ),
        Family("fleet_route_revision", "gauge", "Number of the table, over restarts too.").add(
            routes.revision
        ),
        Family("fleet_routes_complete", "gauge", "Whether proxies are told of routes already.").add(
            routes.complete
        ),
        Family("fleet_routes_remembered", "gauge", "Whether routes outlive a restart.").add(
            routes.error is None
        ),
        Family("fleet_route_changes", "counter", "Changes of routes.").add_each(
            "kind", counted.route_changes.items()
        ),
    ]
