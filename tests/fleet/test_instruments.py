from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from config.models import Fleet
from connectors.endpoint import Endpoint
from connectors.engine import open_engine
from connectors.errors import UnreachableError
from connectors.traffic import Traffic
from fleet.instruments import Instruments
from fleet.instruments_collect import TURN, FleetCollector
from fleet.instruments_own import Parts
from fleet.limits import Limits
from fleet.model import Compose, ContainerHealth, EngineFacts, Failure, HostSample
from fleet.tracker import Tracker
from storage.recorder import RecorderStatus
from storage.spool import SpoolStatus
from tests.fleet.values import NOON, container, event, sample
from tests.lab.promtool import promtool
from web.documents import ConfigDocument, RouteCountsDocument

STATUS = RecorderStatus(
    state="spooling",
    since=NOON,
    error="away",
    queued={"logs": 1, "events": 2},
    written={"logs": 30, "events": 40},
    spooled={"logs": 5, "events": 0},
    dropped={"logs": 6, "events": 0},
    refused={"logs": 0, "events": 7},
    lost_lately=13,
    last_write=NOON,
    last_batch_seconds=0.1,
    spool=SpoolStatus(rows=8, bytes=900, oldest=NOON, damaged_bytes=0, damaged_rows=0),
    replayed_per_second=0.0,
)
ROUTES = RouteCountsDocument(
    total=6, up=3, degraded=2, down=1, held=4, errors=5, warnings=7, revision=99, complete=True
)
UNHEALTHY = ContainerHealth(status="unhealthy", source="healthcheck", failing_streak=3)


@pytest.fixture
def tracker() -> Tracker:
    tracker = Tracker()
    for host in ("a", "b", "off"):
        tracker.add_host(host, "disabled" if host == "off" else "connecting")
    tracker.update_host("a", status="up", listed=True, last_seen=NOON, response_seconds=0.25)
    return tracker


@pytest.fixture
def instruments(tracker: Tracker) -> Instruments:
    instruments = Instruments()
    tracker.listen(instruments)
    return instruments


def collector(tracker: Tracker, instruments: Instruments, **more: Any) -> FleetCollector:
    parts = Parts(
        instruments,
        Limits.of(Fleet(data_dir=Path("/nowhere"))),
        lambda: STATUS,
        lambda: ConfigDocument(source=None, loaded=NOON, error="refused"),
        lambda: ROUTES,
    )
    return FleetCollector(tracker, parts, **more)


async def samples(tracker: Tracker, instruments: Instruments, **more: Any) -> dict[str, float]:
    """The whole exposition: each series with its value, none of them twice."""
    found: dict[str, float] = {}
    for family in await collector(tracker, instruments, **more).collect():
        for line in family.lines:
            series, _, value = line.rpartition(" ")
            assert series not in found
            found[series] = float(value)
    return found


async def test_a_containers_figures_are_in_base_units(
    tracker: Tracker, instruments: Instruments
) -> None:
    tracker.put_container(
        container(
            image='app:"1"',
            started=NOON,
            restart_count=3,
            health=UNHEALTHY,
            looping=True,
            compose=Compose(project="shop", service="web"),
        )
    )
    tracker.put_sample("a", "c" * 64, sample(cpu_total=1_500_000_000, network_rx=None))
    found = await samples(tracker, instruments)
    mine = 'host="a",name="web"'
    told = {s: v for s, v in found.items() if s.startswith("fleet_container_")}
    assert told == {
        f'fleet_container_info{{{mine},image="app:\\"1\\"",project="shop",service="web"}}': 1,
        f"fleet_container_cpu_seconds_total{{{mine}}}": 1.5,
        f"fleet_container_memory_used_bytes{{{mine}}}": 10,
        f"fleet_container_memory_limit_bytes{{{mine}}}": 100,
        f"fleet_container_network_transmit_bytes_total{{{mine}}}": 2,
        f"fleet_container_block_read_bytes_total{{{mine}}}": 3,
        f"fleet_container_block_written_bytes_total{{{mine}}}": 4,
        f"fleet_container_processes{{{mine}}}": 5,
        f"fleet_container_restarts_total{{{mine}}}": 3,
        f"fleet_container_start_time_seconds{{{mine}}}": NOON.timestamp(),
        f'fleet_container_health{{{mine},status="unhealthy"}}': 1,
        f"fleet_container_looping{{{mine}}}": 1,
    }
    assert found['fleet_host_samples_total{host="a"}'] == 1


async def test_only_containers_that_run_are_told_of_but_all_are_counted(
    tracker: Tracker, instruments: Instruments
) -> None:
    for number, state in enumerate(("running", "paused", "restarting", "exited", "lying")):
        tracker.put_container(container(f"{number:064}", name=state, state=state))
    found = await samples(tracker, instruments)
    shown = set(re.findall('restarts_total.*?name="(.*?)"', "\n".join(found)))
    assert shown == {"running", "paused", "restarting"}
    counted = {s: v for s, v in found.items() if s.startswith('fleet_containers{host="a"') and v}
    assert counted == {
        f'fleet_containers{{host="a",state="{state}"}}': 1
        for state in ("running", "paused", "restarting", "exited", "other")
    }
    assert found['fleet_containers{host="b",state="dead"}'] == 0


async def test_of_a_host_that_does_not_answer_nothing_is_told_that_was_measured(
    tracker: Tracker, instruments: Instruments
) -> None:
    tracker.put_container(container(started=NOON))
    tracker.put_sample("a", "c" * 64, sample())
    machine = HostSample(
        time=NOON, source="machine", cpus=4, cpu_percent=250.0, memory_total=9, memory_used=5
    )
    tracker.put_machine("a", machine)
    before = await samples(tracker, instruments)
    assert before['fleet_host_cpu_used_cores{host="a"}'] == 2.5
    assert 'fleet_host_load1{host="a"}' not in before
    failure = Failure(kind="unreachable", message="m", hint="h", at=NOON)
    tracker.update_host("a", status="down", error=failure, stale_since=NOON, response_seconds=None)
    after = await samples(tracker, instruments)
    gone = {series.partition("{")[0] for series in before.keys() - after.keys()}
    assert gone == {
        "fleet_host_response_seconds",
        "fleet_host_cpus",
        "fleet_host_cpu_used_cores",
        "fleet_host_memory_bytes",
        "fleet_host_memory_used_bytes",
        "fleet_container_cpu_seconds_total",
        "fleet_container_memory_used_bytes",
        "fleet_container_memory_limit_bytes",
        "fleet_container_network_receive_bytes_total",
        "fleet_container_network_transmit_bytes_total",
        "fleet_container_block_read_bytes_total",
        "fleet_container_block_written_bytes_total",
        "fleet_container_processes",
    }
    assert after['fleet_host_up{host="a"}'] == 0
    assert after['fleet_host_last_seen_timestamp_seconds{host="a"}'] == NOON.timestamp()
    assert after['fleet_host_connection_errors_total{host="a",kind="unreachable"}'] == 1


async def test_a_disabled_host_is_not_down(tracker: Tracker, instruments: Instruments) -> None:
    found = await samples(tracker, instruments)
    up = {series: value for series, value in found.items() if series.startswith("fleet_host_up")}
    assert up == {'fleet_host_up{host="a"}': 1, 'fleet_host_up{host="b"}': 0}
    assert found['fleet_host_status{host="off",status="disabled"}'] == 1
    assert found['fleet_host_status{host="off",status="down"}'] == 0


async def test_more_containers_than_there_may_be_are_counted_the_first_hosts_come_first(
    tracker: Tracker, instruments: Instruments
) -> None:
    for host in ("b", "a"):
        for number in range(3):
            one = container(f"{host}{number:063}", host=host, name=f"n{number}")
            tracker.put_container(one)
    found = await samples(tracker, instruments, most_containers=4)
    shown = sorted(re.findall(r'info{host="(.)",name="(n\d)', "".join(found)))
    assert shown == [("a", "n0"), ("a", "n1"), ("a", "n2"), ("b", "n0")]
    assert (found["fleet_containers_shown"], found["fleet_containers_left_out"]) == (4, 2)


async def test_of_two_containers_with_one_name_the_newer_one_is_told(
    tracker: Tracker, instruments: Instruments
) -> None:
    for number, created in ((1, NOON), (2, NOON + timedelta(seconds=1)), (3, None)):
        tracker.put_container(container(f"{number:064}", created=created, restart_count=number))
    found = await samples(tracker, instruments)
    assert found['fleet_container_restarts_total{host="a",name="web"}'] == 2


async def test_others_have_their_turn_while_many_containers_are_collected(
    tracker: Tracker, instruments: Instruments
) -> None:
    for number in range(3 * TURN):
        tracker.put_container(container(f"{number:064}", name=f"n{number}"))
    order: list[str] = []

    async def collect() -> None:
        await collector(tracker, instruments).collect()
        order.append("collected")

    async def others() -> None:
        order.append("turn")
        tracker.remove_host("b")  # it goes while it is still to come
        await trio.lowlevel.checkpoint()
        order.append("turn")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect)
        nursery.start_soon(others)
    assert order == ["turn", "turn", "collected"]


async def test_what_happens_on_a_host_is_counted_until_it_leaves(
    tracker: Tracker, instruments: Instruments
) -> None:
    tracker.update_host("b", last_seen=NOON)
    for number in range(3):
        tracker.put_event(event(number, host="b"))
    for kind in ("unreachable", "tls", "tls"):
        failure = Failure(kind=kind, message="m", hint="h", at=NOON)
        tracker.update_host("b", status="down", error=failure)
        tracker.update_host("b", attempts=1)  # the same failure, told again
    tracker.missed("b", 4)
    found = await samples(tracker, instruments)
    errors = 'fleet_host_connection_errors_total{host="b",kind="%s"}'
    assert (found[errors % "unreachable"], found[errors % "tls"]) == (1, 2)
    assert found['fleet_host_events_total{host="b"}'] == 3
    assert found['fleet_host_samples_total{host="b"}'] == 0  # there, and nothing yet
    assert found['fleet_host_samples_missed_total{host="b"}'] == 4
    tracker.remove_host("b")
    assert not [series for series in await samples(tracker, instruments) if 'host="b"' in series]


async def test_the_program_tells_of_its_parts(tracker: Tracker, instruments: Instruments) -> None:
    instruments.wrote(20, 0.03)
    instruments.lists.observe(0.7)
    instruments.route_changes["added"] += 2
    found = await samples(tracker, instruments)
    for series, value in {
        "fleet_config_last_reload_successful": 0,
        "fleet_config_last_reload_success_timestamp_seconds": NOON.timestamp(),
        'fleet_storage_state{state="spooling"}': 1,
        'fleet_storage_state{state="writing"}': 0,
        'fleet_storage_queued_rows{table="events"}': 2,
        'fleet_storage_rows_written_total{table="logs"}': 30,
        'fleet_storage_rows_spooled_total{table="logs"}': 5,
        'fleet_storage_rows_lost_total{table="logs"}': 6,
        'fleet_storage_rows_lost_total{table="events"}': 7,
        "fleet_storage_spool_rows": 8,
        "fleet_storage_spool_bytes": 900,
        'fleet_storage_batch_rows_bucket{le="10.0"}': 0,
        'fleet_storage_batch_rows_bucket{le="100.0"}': 1,
        "fleet_storage_write_duration_seconds_sum": 0.03,
        "fleet_discovery_duration_seconds_count": 1,
        'fleet_routes{status="degraded"}': 2,
        "fleet_routes_held": 4,
        'fleet_route_issues{severity="error"}': 5,
        "fleet_route_revision": 99,
        "fleet_routes_complete": 1,
        'fleet_route_changes_total{kind="added"}': 2,
        'fleet_route_changes_total{kind="removed"}': 0,
        "fleet_dials_in_flight": 0,
    }.items():
        assert found[series] == value, series
    assert 3 < found["process_open_fds"] < found["process_max_fds"]
    assert found["process_cpu_seconds_total"] > 0
    assert found["process_resident_memory_bytes"] > 10_000_000


async def test_all_of_it_is_as_prometheus_wants_it(
    tracker: Tracker, instruments: Instruments
) -> None:
    tracker.put_container(container(name='odd"\\\nname', health=UNHEALTHY))
    tracker.update_host("a", engine=EngineFacts(version="26.1", api_version="1.45"))
    instruments.called("list", 0.2, False)
    families = await collector(tracker, instruments).collect()
    parts = [part for family in families for part in family.parts(100, openmetrics=False)]
    text = "".join(line for part in parts for line in part)
    assert promtool("check", "metrics", text=text) == ""
    assert "no help text" in promtool("check", "metrics", text="told_total 1\n")


async def test_a_loop_that_is_held_up_is_noticed(mock_clock: trio.testing.MockClock) -> None:
    instruments = Instruments()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(instruments.watch_loop)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1.4)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    counted = dict(instruments.lateness.buckets())
    assert (counted[0.25], counted[0.5]) == (0, 1)


async def test_requests_and_connections_are_counted_beyond_their_client(tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []
    traffic = Traffic(lambda call, seconds, answered: told.append((call, answered and seconds > 0)))
    endpoint = Endpoint("gone", uds=tmp_path / "no.sock")
    for _ in range(2):
        async with open_engine(endpoint, traffic=traffic) as engine:
            with pytest.raises(UnreachableError):
                await engine.info()
            with trio.CancelScope() as scope:
                scope.cancel()
                await engine.info()  # nobody waited for it: it counts as none
    assert told == [("info", False)] * 2
    counts = traffic.counts()
    assert (counts.requests, counts.opened, counts.active) == (4, 0, 0)
