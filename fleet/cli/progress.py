"""Progress on one line of stderr, only for people: which hosts are still being waited for."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self


class Progress:
    """Shows `probing 3/10, waiting for edge-1, db-1`; wiped at the end of its block.

    Args:
        names: What will be reported as done.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._waiting = dict.fromkeys(names)
        self._total = len(self._waiting)
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and self._total > 0

    def __enter__(self) -> Self:
        self._show()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line("")

    def done(self, name: str) -> None:
        """Note that nothing more is awaited of `name`."""
        self._waiting.pop(name, None)
        self._show()

    def _show(self) -> None:
        seen = self._total - len(self._waiting)
        waiting = f", waiting for {', '.join(self._waiting)}" if self._waiting else ""
        self._line(f"probing {seen}/{self._total}{waiting}")

    def _line(self, text: str) -> None:
        if not self._shown:
            return
        space = shutil.get_terminal_size((80, 24)).columns - 1
        cut = text if len(text) <= space else text[: space - 3] + "..."
        sys.stderr.write(f"\r\x1b[K{cut}")
        sys.stderr.flush()
