import pytest

from connectors.logs import MESSAGE, FramedLogs, RawLogs
from connectors.models import LogFrame
from connectors.wire import MalformedError

T1 = b"2026-11-21T07:27:08.846901745Z"
T2 = b"2026-11-21T07:27:09.000000001Z"


def frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def read(reader: FramedLogs | RawLogs, data: bytes, step: int) -> list[LogFrame]:
    found = []
    for at in range(0, len(data), step):
        found += reader.feed(data[at : at + step])
    return found + reader.finish()


STEPS = pytest.mark.parametrize("step", [1, 3, 8, 31, 100_000])


@STEPS
def test_streams_are_taken_apart_and_lines_joined_over_frames(step: int) -> None:
    data = (
        frame(1, b"one ") + frame(2, b"bad \xff\xfe\n") + frame(1, b"line\n\nnext\n")
        + frame(1, b"") + frame(1, b"no end")
    )  # fmt: skip
    lines = read(FramedLogs(timestamps=False), data, step)
    assert [(line.stream, line.line) for line in lines] == [
        ("stderr", b"bad \xff\xfe"),
        ("stdout", b"one line"),
        ("stdout", b""),
        ("stdout", b"next"),
        ("stdout", b"no end"),
    ]


@STEPS
def test_each_message_of_a_long_line_loses_its_own_timestamp(step: int) -> None:
    data = (
        frame(1, T1 + b" " + b"a" * MESSAGE) + frame(2, T2 + b" other\n")
        + frame(1, T2 + b" " + b"b" * 10 + b"\n") + frame(1, T2 + b" \n")
    )  # fmt: skip
    lines = read(FramedLogs(timestamps=True), data, step)
    assert lines == [
        LogFrame("stderr", T2.decode(), b"other"),
        LogFrame("stdout", T1.decode(), b"a" * MESSAGE + b"b" * 10),
        LogFrame("stdout", T2.decode(), b""),
    ]


@STEPS
def test_a_message_without_the_expected_timestamp_is_kept_whole(step: int) -> None:
    data = frame(1, b"x" * 100 + b"\n") + frame(1, b"hi\n")
    lines = read(FramedLogs(timestamps=True), data, step)
    assert [(line.time, line.line) for line in lines] == [("", b"x" * 100), ("", b"hi")]


@STEPS
@pytest.mark.parametrize("reader", [FramedLogs, RawLogs])
def test_a_line_beyond_the_limit_is_cut_and_marked(
    step: int, reader: type[FramedLogs | RawLogs]
) -> None:
    text = b"x" * 10 + b"\n" + b"y" * 11 + b"\n" + b"z\n"
    data = frame(1, text) if reader is FramedLogs else text
    lines = read(reader(timestamps=False, limit=10), data, step)
    assert [(line.line, line.truncated) for line in lines] == [
        (b"x" * 10, False), (b"y" * 10, True), (b"z", False)
    ]  # fmt: skip


@STEPS
def test_a_terminals_log_is_one_stream_of_lines(step: int) -> None:
    cut = T1 + b" " + b"a" * MESSAGE + T1 + b" " + b"b" * MESSAGE + T2 + b" c\r\n"
    lines = read(RawLogs(timestamps=True), cut + T2 + b" short\r\n" + T2 + b" $ ", step)
    assert lines == [
        LogFrame("stdout", T1.decode(), b"a" * MESSAGE + b"b" * MESSAGE + b"c"),
        LogFrame("stdout", T2.decode(), b"short"),
        LogFrame("stdout", T2.decode(), b"$ "),
    ]


@pytest.mark.parametrize(
    "header",
    [b"\x04\0\0\0\0\0\0\1", b"\1\1\0\0\0\0\0\1", b"\1\0\0\0\xff\0\0\0", b"plain text"],
)
def test_what_is_no_frame_is_refused(header: bytes) -> None:
    with pytest.raises(MalformedError, match="malformed log frame"):
        FramedLogs(timestamps=False).feed(header)


def test_the_engines_own_error_ends_the_log() -> None:
    with pytest.raises(MalformedError, match="error of its own"):
        FramedLogs(timestamps=False).feed(frame(3, b"driver failed"))


def test_an_endless_line_takes_no_more_memory_than_the_limit() -> None:
    reader = FramedLogs(timestamps=False, limit=1000)
    for _ in range(100):
        assert reader.feed(frame(1, b"x" * 10_000)) == []
    assert [(len(line.line), line.truncated) for line in reader.finish()] == [(1000, True)]
