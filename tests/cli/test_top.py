"""What `fleet top` ranks and shows, from samples as the API has them."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from fleet.cli.top_sources import Pace, Paces, of_labels, pace, ranked
from fleet.cli.top_tables import Row, busy, now_table, span_table
from fleet.cli.view import View
from web.documents import (
    ContainerDocument,
    ContainerHealthDocument,
    HostDocument,
    StatsDocument,
)
from web.history import SortBy
from web.history_documents import ConsumerDocument, ConsumersDocument

NOW = datetime.now(UTC)


def sample(seconds: float = 0, **changes: float | None) -> StatsDocument:
    stats = StatsDocument(
        time=NOW + timedelta(seconds=seconds),
        cpu_percent=10.0,
        memory_used=2**20,
        memory_limit=2**30,
        memory_percent=0.1,
        network_rx=1000,
        network_tx=0,
        block_read=None,
        block_write=None,
        pids=1,
        cpu_total=1,
        system_total=None,
        online_cpus=1,
    )
    return msgspec.structs.replace(stats, **changes)


def container(name: str, stats: StatsDocument | None, **changes: object) -> ContainerDocument:
    made = ContainerDocument(
        host="edge-1",
        id=name * 8,
        name=name,
        identity=name,
        image="web:1",
        image_id="",
        state="running",
        health=ContainerHealthDocument(status="none", source="state"),
        stats=stats,
    )
    return msgspec.structs.replace(made, **changes)


def test_pace_is_what_a_second_moves_and_a_new_counter_has_none() -> None:
    before = sample(0, network_rx=1000, network_tx=5000, block_read=7)
    after = sample(10, network_rx=2000, network_tx=100, block_read=7)
    assert pace(before, after) == Pace(100.0, None, 0.0, None)


def test_pace_stays_until_the_next_sample_and_goes_with_its_container() -> None:
    paces, key = Paces(), ("edge-1", "web" * 8)
    assert paces.take([container("web", sample(0))]) == {key: None}
    second = container("web", sample(10, network_rx=2000))
    known = {key: Pace(100.0, 0.0, None, None)}
    assert paces.take([second]) == known
    assert paces.take([second]) == known
    assert paces.take([container("web", None)]) == {}
    assert paces.take([second]) == {key: None}


@pytest.mark.parametrize(
    ("sort", "first"), [("cpu", "a"), ("memory", "b"), ("network", "c"), ("block", "d")]
)
def test_the_most_comes_first_and_what_is_not_known_last(sort: SortBy, first: str) -> None:
    rows = [
        Row(container("unknown", None)),
        Row(container("a", sample(cpu_percent=99.0))),
        Row(container("b", sample(memory_used=2**30))),
        Row(container("c", sample(network_tx=10**9))),
        Row(container("d", sample(block_write=10**9))),
    ]
    order = [row.container.name for row in ranked(rows, sort)]
    assert order[0] == first
    assert order[-1] == "unknown"


def test_a_known_pace_is_what_counts() -> None:
    slow = Row(container("slow", sample(network_rx=10**9)), Pace(1.0, 1.0, None, None))
    fast = Row(container("fast", sample(network_rx=10)), Pace(9.0, 1.0, None, None))
    assert [row.container.name for row in ranked([slow, fast], "network")] == ["fast", "slow"]


def test_a_screen_shows_bytes_per_second_and_a_pipe_what_was_moved() -> None:
    row = Row(container("web", sample(network_rx=2048)))

    def shown(row: Row, *, per_second: bool) -> dict[str, str]:
        table = now_table([row], per_second=per_second)
        titles = [column.title for column in table.columns]
        return dict(zip(titles, [cell.text for cell in table.rows[0]], strict=True))

    assert shown(row, per_second=False)["NET IN/OUT"] == "2KiB/0B"
    assert shown(row, per_second=False)["BLOCK IN/OUT"] == "-"
    assert shown(row, per_second=True)["NET IN/OUT/s"] == "-"
    moving = Row(row.container, Pace(10.4, None, None, None))
    assert shown(moving, per_second=True)["NET IN/OUT/s"] == "10B/?"
    assert shown(Row(container("web", None)), per_second=True)["CPU"] == "-"


def test_labels_of_the_host_are_the_containers_too() -> None:
    host = HostDocument(
        name="edge-1",
        connection="local",
        target="",
        labels={"site": "fra"},
        status="up",
        since=NOW,
    )
    found = [
        container("web", None, labels={"app": "shop"}),
        container("other", None),
        container("ended", None, labels={"app": "shop"}, state="exited"),
    ]
    view = View("fleet", "", [host], found)
    assert [each.name for each in of_labels(view, ["site=fra"])] == ["web", "other"]
    assert [each.name for each in of_labels(view, ["site", "app=shop"])] == ["web"]
    assert of_labels(view, ["site=nrt"]) == []


def test_a_span_shows_averages_extremes_and_sums() -> None:
    used = ConsumerDocument(
        host="edge-1",
        id="a" * 64,
        name="web",
        identity="web",
        samples=360,
        cpu_percent=12.345,
        cpu_percent_max=99.0,
        cpu_seconds=3723.4,
        memory_used=2.0**20,
        memory_used_max=2**30,
        memory_limit=2**30,
        network_rx=1024,
        network_tx=None,
        block_read=None,
        block_write=None,
    )
    found = ConsumersDocument(start=NOW, end=NOW, sort="cpu", resolution="1m", containers=(used,))
    (row,) = span_table(found).rows
    assert [cell.text for cell in row] == [
        *("edge-1", "web", "12.35%", "99.00%", "1:02:03", "1MiB", "1GiB", "1GiB", "1KiB/?", "-"),
    ]
    assert row[6].tone == "bad"  # it was at its limit


@pytest.mark.parametrize(
    ("seconds", "told"), [(None, ""), (0.4211, "0.421s"), (59.0, "59s"), (3600.0, "1:00:00")]
)
def test_time_of_cpu(seconds: float | None, told: str) -> None:
    assert busy(seconds) == told
