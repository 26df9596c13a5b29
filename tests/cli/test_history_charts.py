"""Charts of history, drawn from documents as the API has them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from fleet.cli.chart import Bar, Frame, Reading, bars, draw, plain, spacing
from fleet.cli.errors import CommandError
from fleet.cli.history_screen import history_lines, length, scale
from fleet.cli.history_sources import Past, write_csv
from web.history_documents import (
    HostStatsHistoryDocument,
    HostStatsPointDocument,
    IncarnationDocument,
    Resolution,
    StatsHistoryDocument,
    StatsPointDocument,
    UptimeDocument,
)

NOON = datetime(2026, 1, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def reading(minute: float, mean: float = 1.0, most: float | None = None) -> Reading:
    time = NOON + minute * MINUTE
    return Reading(time, 1, 0.0, mean, mean if most is None else most)


def hour(columns: int, step: timedelta = MINUTE, patience: float = 1.5) -> Frame:
    return Frame(NOON, NOON + HOUR, step, columns, patience)


def shape(row: list[Bar | None]) -> str:
    return "".join("." if bar is None else "x" for bar in row)


def test_what_was_not_sampled_is_a_gap_even_if_it_is_one_step() -> None:
    known = [reading(minute) for minute in range(60) if minute not in (7, *range(20, 30))]
    drawn = shape(bars(known, hour(60)))
    assert drawn == "x" * 7 + "." + "x" * 12 + "." * 10 + "x" * 30


def test_fewer_steps_than_columns_are_spread_without_holes() -> None:
    known = [reading(10 * at) for at in range(6)]
    assert shape(bars(known, hour(50, 10 * MINUTE))) == "x" * 50
    assert shape(bars(known[:3], hour(50, 10 * MINUTE))) == "x" * 25 + "." * 25


def test_more_steps_than_columns_keep_their_average_and_their_most() -> None:
    known = [reading(at, mean=at % 2, most=9 if at == 31 else 1) for at in range(60)]
    row = bars(known, hour(6))
    assert [bar.mean for bar in row if bar] == pytest.approx([0.5] * 6)
    assert [bar.most for bar in row if bar] == [1, 1, 1, 9, 1, 1]


def test_samples_that_come_less_often_than_steps_are_no_gaps() -> None:
    """Steps of 7 s of samples every 10 s: every third step or so has none."""
    step = timedelta(seconds=7)
    times = sorted({NOON + (timedelta(seconds=10 * at) // step) * step for at in range(360)})
    known = [Reading(time, 1, 0, 1, 1) for time in times]
    assert {after - before for before, after in pairwise(times)} == {step, 2 * step}
    assert spacing(times) == 2 * step
    assert shape(bars(known, hour(100, step, 2.5))) == "x" * 100


def test_a_sample_at_the_very_end_is_in_the_last_column() -> None:
    assert shape(bars([reading(59.999)], hour(10))) == "." * 9 + "x"


def test_bars_are_as_high_as_what_they_stand_for() -> None:
    row = [Bar(0, 0), Bar(1, 1), Bar(4, 4), Bar(8, 8), Bar(8, 16), None]
    assert draw(row, 2, "{:.0f}".format) == [
        "      16 ┤    ░ ",
        "       0 ┤ ▁▄██ ",
        "         └─────·",
    ]


def test_little_is_not_nothing_and_nothing_is_no_gap() -> None:
    assert draw([Bar(0.001, 0.001), Bar(0, 0), None, Bar(8, 8)], 1, str) == ["▁ ·█"]
    assert draw([Bar(0, 0)], 1, str) == [" "]
    assert draw([], 2, str)[-1].endswith("└")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert plain("▁▂█░·─┤└", "utf-8") == "▁▂█░·─┤└"
    assert plain("▁▂▃▄▅▆▇█░·─┤└", "ascii").isascii()


def point(minute: int, cpu: float | None = 50.0, whose: str = "b" * 64) -> StatsPointDocument:
    return StatsPointDocument(
        time=NOON + minute * MINUTE,
        container_id=whose,
        samples=6,
        cpu_percent=cpu,
        cpu_percent_min=cpu and cpu / 2,
        cpu_percent_max=cpu and cpu * 2,
        memory_used=2**20,
        memory_used_min=2**19,
        memory_used_max=2**21,
        memory_limit=2**30,
        network_rx=61440,
        network_tx=0,
        block_read=None,
        block_write=None,
        pids=1,
    )


def container(*points: StatsPointDocument, resolution: Resolution = "1m") -> StatsHistoryDocument:
    return StatsHistoryDocument(
        host="edge-1",
        id="b" * 64,
        name="web",
        start=NOON,
        end=NOON + HOUR,
        step_seconds=60,
        resolution=resolution,
        points=points,
    )


def uptime(**changes: object) -> UptimeDocument:
    known: dict[str, object] = {
        "host": "edge-1",
        "id": "b" * 64,
        "name": "web",
        "identity": "web",
        "start": NOON,
        "end": NOON + HOUR,
        "state": "running",
        "up_seconds": 3588.0,
        "down_seconds": 12.0,
        "unknown_seconds": 0.0,
        "up_percent": 99.67,
        "restarts": 1,
        "oom_kills": 0,
        "unhealthy_seconds": None,
        "health": None,
        "last_exit_codes": (137,),
        "runs": (),
        "incarnations": (),
    }
    return UptimeDocument(**(known | changes))  # type: ignore[arg-type]  # the names are its own


def texts(past: Past, *whats: str, columns: int = 60) -> list[str]:
    return [line.text for line in history_lines(past, whats, columns)]  # type: ignore[arg-type]


def test_a_container_is_shown_with_its_figures_gaps_and_runs() -> None:
    points = [point(at) for at in range(60) if not 20 <= at < 30]
    lines = texts(Past(stats=container(*points), uptime=uptime()))
    assert lines[0].startswith("edge-1/web  ")
    assert lines[0].endswith("minutes in steps of 1m")
    assert lines[1] == "running; up 99.67% (down 12s); 1 restart; last exit codes 137"
    assert "CPU  min 25.00%  avg 50.00%  max 100.00%  last 50.00%" in lines
    assert "memory  min 512KiB  avg 1MiB  max 2MiB  last 1MiB" in lines
    assert "network in  min 1KiB/s  avg 1KiB/s  max 1KiB/s  last 1KiB/s  total 2.93MiB" in lines
    assert "block read: not known" in lines
    assert " " * 9 + "└" + "─" * 20 + "·" * 10 + "─" * 30 in lines
    assert lines[-1].strip() == "· no samples"
    assert max(map(len, lines)) <= 90


@pytest.mark.parametrize("columns", [10, 15, 30, 70, 190])
def test_charts_are_as_wide_as_the_terminal_and_not_wider(columns: int) -> None:
    lines = texts(Past(stats=container(*map(point, range(60)))), columns=columns)
    drawn = [line for line in lines if any(sign in line for sign in "┤└")]
    assert {len(line) for line in drawn} == {columns + 10}
    assert all(len(scale(NOON, NOON + span, columns)) <= columns for span in (HOUR, 48 * HOUR))


def test_two_incarnations_in_a_step_add_up_what_they_moved() -> None:
    stats = container(point(0, 10.0), point(0, 30.0, "a" * 64), point(1, 20.0))
    lines = texts(Past(stats=stats), "cpu", "network")
    assert "CPU  min 5.00%  avg 20.00%  max 60.00%  last 20.00%" in lines
    assert "network in  min 1KiB/s  avg 1.5KiB/s  max 2KiB/s  last 1KiB/s  total 180KiB" in lines


def test_only_what_is_wanted_is_drawn_and_what_there_is_not_is_refused() -> None:
    past = Past(stats=container(point(0)))
    assert not any("memory" in line for line in texts(past, "cpu"))
    with pytest.raises(CommandError, match="a container has no history of load") as refused:
        texts(past, "load")
    assert "cpu, memory, network, block" in refused.value.hint


def test_a_host_has_load_and_disk() -> None:
    points = [
        HostStatsPointDocument(
            time=NOON + at * MINUTE,
            samples=6,
            cpus=4,
            cpu_percent=None if at else 120.0,
            cpu_percent_min=None,
            cpu_percent_max=None,
            load_1=0.5,
            load_1_max=1.5,
            memory_total=2**33,
            memory_used=2**32,
            memory_used_min=2**31,
            memory_used_max=2**32,
            swap_used_max=None,
            disk_total=2**40,
            disk_used_max=2**39,
            network_rx=None,
            network_tx=None,
        )
        for at in range(3)
    ]
    stats = HostStatsHistoryDocument(
        host="db-1",
        start=NOON,
        end=NOON + HOUR,
        step_seconds=60,
        resolution="1m",
        points=tuple(points),
    )
    lines = texts(Past(stats=stats))
    assert "load  min 0.50  avg 0.50  max 1.50  last 0.50" in lines
    assert "disk used  min 512GiB  avg 512GiB  max 512GiB  last 512GiB" in lines
    assert "network in: not known" in lines


def test_what_went_wrong_is_told() -> None:
    ill = uptime(
        oom_kills=2,
        restarts=3,
        unhealthy_seconds=90.0,
        health="unhealthy",
        unknown_seconds=300.0,
        up_percent=None,
        truncated=True,
        incarnations=tuple(
            IncarnationDocument(id=sign * 64, name="web", image="web:1") for sign in "ab"
        ),
    )
    line = list(history_lines(Past(stats=container(point(0)), uptime=ill), ("cpu",), 60))[1]
    for part in (
        "up not known (down 12s, not known for 5m)",
        "3 restarts",
        "2 containers one after another",
        "2 OOM kills",
        "unhealthy for 1m 30s",
        "the oldest runs are left out",
    ):
        assert part in line.text
    assert line.tone == "bad"


def test_spreadsheets_get_every_step_in_the_names_of_the_api(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_csv(container(point(0), point(1, None)))
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("time,host,name,container_id,samples,cpu_percent,")
    assert first.startswith(f"2026-01-30T12:00:00Z,edge-1,web,{'b' * 64},6,50.0,25.0,100.0,")
    assert second.startswith(f"2026-01-30T12:01:00Z,edge-1,web,{'b' * 64},6,,,,")
    assert len({line.count(",") for line in (head, first, second)}) == 1


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.5, "0.5s"), (12, "12s"), (61, "1m 1s"), (7200, "2h"), (9000, "2h 30m"), (90061, "1d 1h")],
)
def test_lengths_are_told_in_two_units(seconds: float, told: str) -> None:
    assert length(seconds) == told
