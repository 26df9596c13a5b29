"""The kinds of Engine that can be simulated, each with what was recorded off a real one."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

RECORDED = Path(__file__).parent / "recorded"
KINDS = ("docker-20.10", "docker-26.1", "docker-28.5", "podman-4.3")
SHARES = (0.2, 0.35, 0.35, 0.1)

Document = dict[str, Any]
Api = tuple[int, int]

_PROMPT_API = (1, 44)
_FRAMED_API = (1, 42)


@dataclass(frozen=True)
class EngineKind:
    """One kind of Engine.

    Attributes:
        name: One of ``KINDS``.
        recorded: What it answered, by what was asked.
        api: The newest version that it speaks, and ``oldest`` the oldest.
    """

    name: str
    recorded: Document
    api: Api
    oldest: Api

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman, which differs in much."""
        return self.name.startswith("podman")

    @property
    def is_prompt(self) -> bool:
        """Whether a single sample is answered at once, not at its collector's next second."""
        return self.is_podman or self.api >= _PROMPT_API

    @property
    def cgroup(self) -> int:
        """The version of control groups on its machine: the old ones have the old."""
        return 2 if self.is_prompt and not self.is_podman else 1

    def head(self, about: str) -> bytes:
        """The header lines that it sends with every answer of some sort."""
        headers = self.recorded["headers"][about]
        return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()

    def log_head(self, *, tty: bool) -> bytes:
        """The header lines of a log; newer Engines say whether it comes in frames."""
        head = self.head("logs")
        return head.replace(b"multiplexed", b"raw") if tty and self.api >= _FRAMED_API else head


@functools.cache
def engine_kind(name: str) -> EngineKind:
    """Read what was recorded of a kind."""
    recorded: Document = msgspec.json.decode((RECORDED / f"{name}.json").read_bytes())
    version = recorded["version"]
    return EngineKind(
        name, recorded, api_version(version["ApiVersion"]), api_version(version["MinAPIVersion"])
    )


def api_version(text: str) -> Api:
    """Read ``1.45``."""
    major, _, minor = text.partition(".")
    return int(major), int(minor)
