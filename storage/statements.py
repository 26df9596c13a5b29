"""The SQL of `queries*.sql`, by name, parsed once."""

from __future__ import annotations

import functools
from importlib import resources

_MARK = "-- name: "


@functools.cache
def statements() -> dict[str, bytes]:
    """Each named query."""
    return {
        name: sql
        for file in resources.files("storage").iterdir()
        if file.name.startswith("queries") and file.name.endswith(".sql")
        for name, sql in parse(file.read_text()).items()
    }


def parse(text: str) -> dict[str, bytes]:
    """The queries in `text`: a `-- name: NAME` line begins each, comments are left out."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(_MARK):
            lines = found[line.removeprefix(_MARK).strip()] = []
        elif line and not line.startswith("--"):
            lines.append(line)
    return {name: "\n".join(lines).encode() for name, lines in found.items()}
