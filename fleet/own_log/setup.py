"""Puts the program's log in place, for the length of a block."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from fleet.own_log.lines import Form, Lines, TraceId
from fleet.own_log.writing import LineWriter
from web.exposition.text import Family

CHATTY = ("asyncssh", "paramiko", "hypercorn", "litestar", "httpx", "httpcore", "urllib3")
STDERR = 2


class OwnLog(logging.Handler):
    """The one handler of all loggers. It formats where it is called, and never waits to write.

    Attributes:
        form: How lines look.
    """

    def __init__(self, descriptor: int, lines: Lines, form: Form) -> None:
        super().__init__()
        self.setFormatter(lines)
        self.form = form
        self._lines = lines
        self._writer = LineWriter(descriptor, self._lost)

    @property
    def dropped(self) -> int:
        """Lines that were not written, as nobody read them fast enough, or at all."""
        return self._writer.dropped

    def tell_traces(self, trace_id: TraceId) -> None:
        """Have each line tell the trace that it belongs to."""
        self._lines.trace_id = trace_id

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line of a record."""
        try:
            line = self._encoded(record)
        except Exception as error:  # noqa: BLE001 - a faulty record must not end what logs it
            line = self._encoded(_unformatted(record, error))
        self._writer.put(line)

    def follow(self, level: str) -> None:
        """Tell of this level and above from now on."""
        root = logging.getLogger()
        root.setLevel(level.upper())
        for chatty in CHATTY:
            logging.getLogger(chatty).setLevel(logging.WARNING)

    def families(self) -> list[Family]:
        """What is counted of it."""
        text = "Lines of the program's own log that nobody read fast enough."
        return [Family("fleet_own_log_lines_dropped", "counter", text).add(self.dropped)]

    def close(self) -> None:
        """Write what waits, within two seconds."""
        self._writer.close()
        super().close()

    def _encoded(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode(errors="backslashreplace") + b"\n"

    def _lost(self, count: int) -> bytes:
        text = "%d line(s) of this log were dropped: they were not read fast enough"
        return self._encoded(_record("warning", text, count))


def _record(level: str, text: str, *values: object) -> logging.LogRecord:
    number = logging.getLevelNamesMapping()[level.upper()]
    return logging.LogRecord(__name__, number, __file__, 0, text, values, None)


def _unformatted(record: logging.LogRecord, error: Exception) -> logging.LogRecord:
    text = "a message of %s could not be formatted (%s): %s"
    return _record("error", text, record.name, error, str(record.msg))


@contextmanager
def open_own_log(
    level: str,
    form: Literal["auto", "text", "json"] = "auto",
    *,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[OwnLog]:
    """Log to stderr while the block runs; what waits at its end is written, for two seconds.

    Args:
        level: The least that is told.
        form: `auto` is text on a terminal and for journald, else JSON.
        environ: Tells whether journald reads, and whether colour is wanted.
    """
    descriptor = _descriptor()
    is_terminal = os.isatty(descriptor) and environ.get("TERM") != "dumb"
    journal = _is_journal(descriptor, environ)
    chosen: Form = form if form != "auto" else "text" if is_terminal or journal else "json"
    colour = is_terminal and not environ.get("NO_COLOR")
    lines = Lines(chosen, colour=colour, journal=journal)
    log, root = OwnLog(descriptor, lines, chosen), logging.getLogger()
    before, level_before = root.handlers[:], root.level
    root.handlers[:] = [log]
    logging.captureWarnings(capture=True)
    log.follow(level)
    try:
        yield log
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = before
        root.setLevel(level_before)
        log.close()


def _descriptor() -> int:
    try:
        return sys.stderr.fileno()
    except (io.UnsupportedOperation, AttributeError):  # somebody keeps what is written there
        return STDERR


def _is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Whether journald is at the other end: it says which device and inode that is."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
