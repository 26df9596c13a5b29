"""Fleet itself is killed while it spools and while it replays: each row is there once."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from storage.spool_files import segment_numbers
from tests.storage.programs import until


@contextmanager
def _recording(conninfo: str, spool: Path, first: int) -> Iterator["subprocess.Popen[str]"]:
    """The program, killed at the end."""
    words = [sys.executable, "-m", "tests.storage.recorder_program", conninfo, str(spool)]
    with subprocess.Popen([*words, str(first)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, "it ended by itself"
    return line


def _numbers(conninfo: str) -> list[int]:
    with psycopg.connect(conninfo) as connection:
        if connection.execute("SELECT to_regclass('fleet.container_stats')").fetchone() == (None,):
            return []
        found = connection.execute("SELECT cpu_total FROM fleet.container_stats ORDER BY 1")
        return [number for (number,) in found]


def test_each_row_is_there_once_however_often_fleet_is_killed(
    embedded_conninfo: str, tmp_path: Path
) -> None:
    spool, nowhere = tmp_path / "spool", make_conninfo(host=str(tmp_path), user="fleet")
    kept = 0
    for kill in range(2):
        first = kill * 100_000
        with _recording(nowhere, spool, first) as process:
            assert int(_line(process)) == first + 500
            kept = int(_line(process))  # and at some moment after that it is killed
    assert segment_numbers(spool)
    for least in (1, 900):  # while it replays
        with _recording(embedded_conninfo, spool, -1):
            until(_at_least(embedded_conninfo, least), "some rows are replayed")
    with _recording(embedded_conninfo, spool, -1) as process:
        assert _line(process) == "empty"
    numbers = _numbers(embedded_conninfo)
    assert len(numbers) == len(set(numbers))
    for first in (0, 100_000):
        run = [number for number in numbers if first <= number < first + 100_000]
        assert run == list(range(first, first + len(run)))  # nothing between is missing
        assert len(run) >= 1000  # all that was said to be kept
    assert kept == 101_000


def _at_least(conninfo: str, rows: int) -> Callable[[], bool]:
    return lambda: len(_numbers(conninfo)) >= rows
