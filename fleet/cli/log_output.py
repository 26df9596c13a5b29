"""Writes lines of logs, each stream where it belongs."""

from __future__ import annotations

import re
import sys
import threading

import msgspec

from fleet.cli.output import note, safe

# Control sequences (CSI) but for colours (ending in m), strings such as titles (OSC, DCS, APC), and
# lone control characters but for tab. A carriage return would let a line overwrite what it follows.
_DRIVING = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-ln-~]"
    rb"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    rb"|\x1b(?!\[[0-9;:]*m).?"
    rb"|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]"
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `fleet logs --json`. `level` is known of stored lines that tell one."""

    host: str
    container: str
    container_id: str
    stream: str
    time: str
    level: str | None = None
    line: str


class LogWriter:
    """Writes lines to stdout, or to stderr what the container wrote there; from any thread.

    Args:
        timestamps: Begin each line with its time.
        named: Begin each line with its container: there are several.
        as_json: Write one JSON document a line instead, all to stdout.
    """

    def __init__(self, *, timestamps: bool, named: bool, as_json: bool) -> None:
        self.timed = timestamps or as_json
        self._timestamps = timestamps
        self.named = named
        self._as_json = as_json
        self._lock = threading.Lock()

    def write(self, line: Line, raw: bytes) -> None:
        """Write one line; `raw` is its text, byte for byte as the container wrote it."""
        if self._as_json:
            self._put(msgspec.json.encode(line), to_stderr=False)
            return
        if line.stream == "fleet":  # what fleet says itself, of lines that are missing
            note(f"fleet: {line.host}/{line.container}: {line.line}")
            return
        before = f"{safe(line.time)} " if self._timestamps else ""
        if self.named:
            before = f"{line.host}/{safe(line.container)} | {before}"
        self._put(raw, before.encode(), to_stderr=line.stream == "stderr")

    def _put(self, data: bytes, before: bytes = b"", *, to_stderr: bool) -> None:
        sink = sys.stderr.buffer if to_stderr else sys.stdout.buffer
        if sink.isatty():
            data = tame(data)
        with self._lock:
            sink.write(before + data + b"\n")
            sink.flush()


def tame(line: bytes) -> bytes:
    """A container's line for a terminal: colours and tabs stay, what else could drive it goes."""
    return _DRIVING.sub(b"", line)
