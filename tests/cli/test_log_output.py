from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout

import pytest

from fleet.cli.log_output import Line, LogWriter, tame
from fleet.cli.log_stored import nano_time


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"plain \xc3\xa4\ttext", b"plain \xc3\xa4\ttext"),
        (b"\x1b[1;31mred\x1b[0m", b"\x1b[1;31mred\x1b[0m"),
        (b"a\x1b]0;title\x07b", b"ab"),
        (b"a\x1b]8;;http://x\x1b\\link", b"alink"),
        (b"a\x1bPq#0;2\x1b\\b", b"ab"),
        (b"a\x1b[2J\x1b[Hb", b"ab"),
        (b"progress\rdone", b"progressdone"),
        (b"a\x1bcb", b"ab"),
        (b"ends in \x1b", b"ends in "),
        (b"\xc2\x9b2J\x00\x08\x7f", b"2J"),
        (b"\xff\xfe", b"\xff\xfe"),
    ],
)
def test_a_log_line_cannot_drive_the_terminal(line: bytes, shown: bytes) -> None:
    assert tame(line) == shown


def written(line: Line, raw: bytes = b"text", **how: bool) -> tuple[str, str]:
    out, err = io.BytesIO(), io.BytesIO()
    options = {"timestamps": False, "named": False, "as_json": False} | how
    with (
        redirect_stdout(io.TextIOWrapper(out, write_through=True)) as to_out,
        redirect_stderr(io.TextIOWrapper(err, write_through=True)) as to_err,
    ):
        LogWriter(**options).write(line, raw)
        to_out.flush()
        to_err.flush()
        return out.getvalue().decode(), err.getvalue().decode()


def line(stream: str = "stdout") -> Line:
    return Line(
        host="edge-1",
        container="web",
        container_id="a" * 64,
        stream=stream,
        time="2026-01-30T12:00:00.000000001Z",
        line="text",
    )


def test_lines_go_where_they_came_from_and_tell_whose_they_are() -> None:
    assert written(line()) == ("text\n", "")
    assert written(line("stderr")) == ("", "text\n")
    assert written(line(), named=True) == ("edge-1/web | text\n", "")
    both = written(line(), named=True, timestamps=True)
    assert both == ("edge-1/web | 2026-01-30T12:00:00.000000001Z text\n", "")
    assert written(line("fleet")) == ("", "fleet: edge-1/web: text\n")


def test_json_has_every_line_on_stdout_and_what_is_no_text_does_no_harm() -> None:
    for stream in ("stdout", "stderr", "fleet"):
        out, err = written(line(stream), b"\xff", as_json=True)
        assert err == ""
        found = json.loads(out)
        assert (found["stream"], found["level"], found["line"]) == (stream, None, "text")


def test_stored_times_are_written_as_the_engine_writes_them() -> None:
    assert nano_time(1769774400000000001) == "2026-01-30T12:00:00.000000001Z"
    assert nano_time(1769774400999999999) == "2026-01-30T12:00:00.999999999Z"
