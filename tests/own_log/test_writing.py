"""Over real pipes: one that nobody reads, one that breaks, one read by another program."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.own_log import writing
from fleet.own_log.lines import Lines
from fleet.own_log.setup import OwnLog
from fleet.own_log.writing import LineWriter
from tests.lab.waiting import wait_until

PIPE_BYTES = 4096


def lost(count: int) -> bytes:
    return b"lost %d\n" % count


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing_end = os.pipe()
    fcntl.fcntl(writing_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    yield reading, writing_end
    for descriptor in (reading, writing_end):
        try:
            os.close(descriptor)
        except OSError:  # the test closed it
            continue


def read_all(descriptor: int) -> list[bytes]:
    found = b""
    while data := os.read(descriptor, 65536):
        found += data
    return found.splitlines(keepends=True)


def test_lines_are_written_in_order_and_flushed_at_the_end(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1], lost)
    lines = [b"line %d\n" % number for number in range(200)]
    for line in lines:
        writer.put(line)
    writer.close()
    os.close(pipe[1])
    assert read_all(pipe[0]) == lines
    assert writer.dropped == 0


def test_a_pipe_that_nobody_reads_stalls_nobody_and_what_is_dropped_is_told(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_LINES", 100)
    writer = LineWriter(pipe[1], lost)
    line = b"x" * 1023 + b"\n"
    for _ in range(1000):  # more than the pipe, what is under way and the queue have room for
        writer.put(line)
    assert writer.dropped > 1000 - 100 - 64 - 4 - 1
    writer.close(0.0)  # nobody waits for ever, either
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.extend(read_all(pipe[0])))
    reader.start()
    writer.close(30.0)
    os.close(pipe[1])
    reader.join(30)
    told = [int(each.split()[1]) for each in found if each.startswith(b"lost")]
    assert sum(told) == writer.dropped
    assert len(found) - len(told) == 1000 - writer.dropped


def test_bytes_are_bounded_too(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_BYTES", 10_000)
    writer = LineWriter(pipe[1], lost)
    writer.put(b"x" * 9_000 + b"\n")
    for _ in range(10):
        writer.put(b"y" * 9_000 + b"\n")
    assert writer.dropped >= 8
    os.close(pipe[0])  # ends what is under way
    writer.close(30.0)


def test_a_broken_pipe_costs_its_lines_alone(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    writer = LineWriter(pipe[1], lost)
    writer.put(b"one\n")
    wait_until(lambda: writer.dropped == 1, "the line is counted", 30)
    writer.put(b"two\n")
    wait_until(lambda: writer.dropped == 2, "so is the next one", 30)
    writer.close()


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    writer = LineWriter(pipe[1], lost)
    for _ in range(50):
        writer.put(b"x" * 1023 + b"\n")
    assert len(os.read(pipe[0], 100)) == 100
    reader = threading.Thread(target=read_all, args=[pipe[0]])
    reader.start()
    writer.close(30.0)
    os.close(pipe[1])
    reader.join(30)
    assert writer.dropped == 0


def test_a_faulty_record_is_told_and_ends_nothing(pipe: tuple[int, int]) -> None:
    log = OwnLog(pipe[1], Lines("json"), "json")
    log.handle(logging.LogRecord("fleet.x", logging.INFO, "", 0, "%d of them", ("x",), None))
    log.close()
    os.close(pipe[1])
    (line,) = read_all(pipe[0])
    assert "could not be formatted" in json.loads(line)["event"]


PROGRAM = """
import logging, warnings
from fleet.own_log.setup import open_own_log
with open_own_log("info") as log:
    logging.getLogger("fleet.x").info("told")
    logging.getLogger("fleet.x").debug("not told")
    logging.getLogger("httpx").info("chatty")
    log.follow("debug")
    logging.getLogger("fleet.x").debug("told now")
    warnings.warn("old")
logging.getLogger("fleet.x").warning("after it")
"""


def test_in_a_pipe_lines_are_json_and_the_level_follows(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *lines, last = done.stderr.splitlines()
    told = [json.loads(line) for line in lines]
    assert [line["event"] for line in told[:2]] == ["told", "told now"]
    assert (told[2]["logger"], "old" in told[2]["event"]) == ("py.warnings", True)
    assert last == "after it"  # Python's own last resort: our handler is gone again
