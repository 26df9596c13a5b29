"""Where output goes: a terminal gets colour and fits its width, a pipe gets plain lines or JSON."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

# Control characters of a host's own texts could drive the terminal: they are shown as dots.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), ".")


def safe(text: str) -> str:
    """One line of somebody else's text, without control characters."""
    return text.translate(_CONTROLS)


def is_terminal() -> bool:
    """Whether stdout is a terminal that a person looks at."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def colours() -> bool:
    """Whether colour may be used: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR")


def width() -> int:
    """The terminal's width in columns."""
    return shutil.get_terminal_size((80, 24)).columns


def height() -> int:
    """The terminal's height in lines."""
    return shutil.get_terminal_size((80, 24)).lines


def write(text: str) -> None:
    """Write one line to stdout; somebody else's text in it must be `safe` already."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Write lines for people to stderr, where they disturb no pipe."""
    sys.stderr.write("\n".join(map(safe, text.split("\n"))) + "\n")
    sys.stderr.flush()


def complain(message: str, hint: str = "") -> None:
    """Write an error and its next step to stderr."""
    note(f"fleet: {message}")
    if hint:
        note(f"  next: {hint}")


def write_json(value: Any) -> None:
    """Write one indented JSON document to stdout."""
    import msgspec

    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(encoded.decode() + "\n")


def write_json_line(value: Any) -> None:
    """Write one JSON document as one line, at once: for streams."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
