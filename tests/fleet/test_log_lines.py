from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.models import Monitoring
from connectors.models import LogFrame
from fleet.log_levels import level_of
from fleet.log_lines import (
    LOOK_BACK_NANOS,
    OVERLAP_NANOS,
    SECOND,
    LineMaker,
    LogCursor,
    Place,
    is_wanted,
    nanos_of,
    time_of,
)
from fleet.model import LogLine
from tests.fleet.values import container

NOON = 1_767_355_200 * SECOND
DAY = 86_400 * SECOND


def frame(nanos: int, text: str = "x", stream: str = "stdout", truncated: bool = False) -> LogFrame:
    second = datetime.fromtimestamp(nanos // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return LogFrame(stream, f"{second}.{nanos % SECOND:09d}Z", text.encode(), truncated)


def read(cursor: LogCursor, *frames: LogFrame, rate: int = 1000) -> list[LogLine]:
    return LineMaker(cursor, rate).lines(container(), frames)


def texts(lines: list[LogLine]) -> list[str]:
    return [line.line for line in lines]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ('{"level":"error","msg":"x"}', "error"),
        ('{"time":1,"severity": "WARNING","msg":"level"}', "warning"),
        ('{"level":30,"msg":"pino"}', "info"),
        ('{"level":60,"msg":"bunyan"}', "critical"),
        ('{"level":"10"}', "debug"),
        ('{"level":3,"short_message":"gelf"}', "error"),
        ('{"msg":"ERROR in the text alone"}', None),
        ('time="2026-01-02" level=warning msg="x"', "warning"),
        ("ts=1 lvl=dbug msg=x", None),
        ("E0102 12:00:00.000001       1 main.go:7] x", "error"),
        ("I0102 12:00:00.000001       1 main.go:7] x", "info"),
        ("<3>kernel: x", "error"),
        ("<14>Jan  2 12:00:00 host app: x", "info"),
        ("ERROR: x", "error"),
        ("error: x", "error"),
        ("[info] x", "info"),
        ("2026/01/02 12:00:00 [error] 7#7: *1 open() failed", "error"),
        ("2026-01-02 12:00:00,123 - app - WARNING - x", "warning"),
        ("2026-01-02T12:00:00Z INF x", "info"),
        ("\x1b[31mFATAL\x1b[0m x", "critical"),
        ("2026-01-02 12:00:00.000 UTC [7] FATAL:  x", "critical"),
        ("panic: x", "critical"),
        ("TRACE x", "debug"),
        ("an error in plain words", None),
        ("GET /error/ERROR.html HTTP/1.1", None),
        ("information", None),
        ("", None),
        ("x" * 500 + " ERROR", None),
    ],
)
def test_a_level_is_read_off_the_text(line: str, level: str | None) -> None:
    assert level_of(line) == level


@pytest.mark.parametrize(
    ("stamp", "nanos"),
    [
        ("2026-01-02T12:00:00.000000001Z", NOON + 1),
        ("2026-01-02T12:00:00Z", NOON),
        ("2026-01-02T13:00:00.5+01:00", NOON + SECOND // 2),
        ("2026-01-02T12:00:00.00000000xZ", None),
        ("9999-01-02T12:00:00.000000001Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_a_time_is_read_to_the_nanosecond(stamp: str, nanos: int | None) -> None:
    assert nanos_of(stamp) == nanos


def test_a_time_is_cut_to_microseconds() -> None:
    assert time_of(NOON + 1999) == datetime(2026, 1, 2, 12, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("logs", "label", "wanted"),
    [
        ("labelled", None, False),
        ("labelled", "true", True),
        ("labelled", "false", False),
        ("all", None, True),
        ("all", "False", False),
        ("none", "true", False),
    ],
)
def test_a_label_chooses(logs: str, label: str | None, wanted: bool) -> None:
    labels = {} if label is None else {"fleet.logs": label}
    monitoring = Monitoring(logs=logs)  # type: ignore[arg-type]  # one of the three words
    assert is_wanted(container(labels=labels), monitoring) is wanted


def test_lines_of_one_nanosecond_and_stream_are_counted() -> None:
    lines = read(
        LogCursor(),
        frame(NOON, "a"),
        frame(NOON, "b"),
        frame(NOON, "c", "stderr"),
        frame(NOON + 1, "d"),
    )
    assert [(line.line, line.stream, line.sequence) for line in lines] == [
        ("a", "stdout", 0), ("b", "stdout", 1), ("c", "stderr", 0), ("d", "stdout", 0)
    ]  # fmt: skip


def test_what_is_read_again_is_told_apart_wherever_the_reading_broke_off() -> None:
    log = [
        frame(NOON, "a"),
        frame(NOON + 2, "b", "stderr"),
        frame(NOON + 1, "c"),  # written later than what has a later time
        frame(NOON + 2, "d"),
        frame(NOON + 2, "e"),
        frame(NOON + 3, "f", "stderr"),
    ]
    for broken_off in range(len(log)):
        cursor = LogCursor()
        lines = read(cursor, *log[:broken_off]) + read(cursor, *log)
        assert sorted(texts(lines)) == list("abcdef")


def test_a_clock_that_goes_back_while_reading_loses_nothing() -> None:
    lines = read(LogCursor(), frame(NOON + 5, "a"), frame(NOON, "b"), frame(NOON + 1, "c"))
    assert texts(lines) == ["a", "b", "c"]


def test_a_line_without_a_time_belongs_to_the_one_before() -> None:
    lines = read(LogCursor(), frame(NOON, "a"), LogFrame("stdout", "", b"b"))
    assert [(line.time_nano, line.sequence) for line in lines] == [(NOON, 0), (NOON, 1)]


def test_what_an_engine_says_twice_is_one_line_but_not_where_times_are_seconds() -> None:
    same = [frame(NOON, "a"), frame(NOON, "a"), frame(NOON, "b"), frame(NOON, "a")]
    assert texts(read(LogCursor(), *same)) == ["a", "b", "a"]
    seconds = [LogFrame("stdout", "2026-01-02T12:00:00Z", b"a")] * 3
    assert [line.sequence for line in read(LogCursor(), *seconds)] == [0, 1, 2]


def test_what_a_rotation_tells_again_is_told_apart() -> None:
    log = [frame(NOON + number, str(number)) for number in range(9)]
    assert texts(read(LogCursor(), *log[:6], *log[3:])) == list("012345678")


def test_what_is_no_text_is_replaced() -> None:
    broken = LogFrame("stdout", "2026-01-02T12:00:00Z", b"a\xff\0\x1b[1mb", True)
    (line,) = read(LogCursor(), broken)
    assert (line.line, line.truncated) == ("a\N{REPLACEMENT CHARACTER}\0\x1b[1mb", True)


def test_a_first_look_is_a_tail_and_later_ones_overlap() -> None:
    now = NOON + 100 * DAY
    assert LogCursor().since(now, now - 3 * DAY) == (now - 3 * DAY, True)
    seen = LogCursor(places={"stdout": Place(now - SECOND, 0), "stderr": Place(now - DAY, 3)})
    assert seen.since(now, now - 3 * DAY) == (now - SECOND - OVERLAP_NANOS, False)
    unknown = LogCursor(is_unknown=True)
    assert unknown.since(now, now - 3 * DAY) == (now - LOOK_BACK_NANOS, False)
    empty = LogCursor(empty_at=now - DAY)
    assert empty.since(now, now - 3 * DAY) == (now - DAY - OVERLAP_NANOS, False)
    set_back = LogCursor(places={"stdout": Place(now + DAY, 0)})
    assert set_back.since(now, now - 3 * DAY) == (now - LOOK_BACK_NANOS, False)
    assert texts(read(set_back, frame(now))) == ["x"]


def test_after_the_end_of_a_run_its_last_line_is_not_read_again() -> None:
    cursor = LogCursor(places={"stdout": Place(NOON, 0)}, read_out=(None, None))
    assert NOON < cursor.since(NOON + DAY, 0)[0] < NOON + SECOND // 1000
    read(cursor, frame(NOON + DAY))
    assert cursor.read_out is None


def test_beyond_the_rate_lines_are_dropped_and_a_note_stands_in_their_place() -> None:
    burst = [frame(NOON + number, str(number)) for number in range(150)]
    later = [frame(NOON + 2 * SECOND + 1000 + n, f"later {n}") for n in range(30)]
    cursor = LogCursor()
    maker = LineMaker(cursor, 10)
    lines = maker.lines(container(), burst)
    assert texts(lines) == [str(number) for number in range(100)]
    assert (maker.gap, maker.dropped) == (50, 50)
    lines = maker.lines(container(), later)
    note, *kept = lines
    assert (note.stream, note.line) == ("fleet", "50 lines dropped: more than 10 a second")
    assert note.time_nano <= kept[0].time_nano
    assert texts(kept) == [f"later {number}" for number in range(20)]
    assert maker.note(container()).line == "10 lines dropped: more than 10 a second"
    assert (maker.gap, maker.dropped) == (0, 60)


def test_what_was_written_slowly_may_be_read_at_once() -> None:
    slowly = [frame(NOON + number * SECOND // 10, str(number)) for number in range(1000)]
    assert len(read(LogCursor(), *slowly, rate=10)) == 1000


def test_one_that_writes_without_end_has_one_note_a_second() -> None:
    endless = [frame(NOON + number * SECOND // 1000, str(number)) for number in range(60_000)]
    lines = read(LogCursor(), *endless, rate=10)
    notes = [line for line in lines if line.stream == "fleet"]
    assert 40 < len(notes) < 61
    assert 500 < len(lines) - len(notes) < 710
    assert timedelta(seconds=58) < lines[-1].time - lines[0].time
