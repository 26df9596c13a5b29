"""What a command says when it cannot go on: one line, a next step, an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

OK = 0
FAILED = 1  # also: `fleet status` found the fleet degraded
USAGE = 2  # also: `fleet status` found a host down
UNKNOWN = 3  # `fleet status` could not tell
INTERRUPTED = 130
BROKEN_PIPE = 141


class CommandError(Exception):
    """An expected failure of a command.

    Attributes:
        message: What happened and where; may span lines.
        hint: The next step, or an empty string.
        code: The exit code of the process.
    """

    def __init__(self, message: str, hint: str = "", code: int = FAILED) -> None:
        """Keep what happened apart from the next step."""
        self.message = message
        self.hint = hint
        self.code = code
        super().__init__(message)


def unknown_host(name: str, known: Iterable[str]) -> CommandError:
    """The error for a host name that is not configured, with the nearest one that is."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        hint = f"did you mean {near[0]}?"
    elif names:
        hint = f"configured hosts: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
    else:
        hint = "no host is configured"
    return CommandError(f"no host is called {name!r}", hint)


def unknown_label(wanted: Sequence[str], of_hosts: Iterable[dict[str, str]]) -> CommandError:
    """The error for labels that none of the hosts has, with those that there are."""
    pairs = {f"{key}={value}" for labels in of_hosts for key, value in labels.items()}
    known = sorted(pairs)
    hint = "no host has a label"
    if known:
        hint = f"labels of hosts: {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"
    return CommandError(f"no host has the label {' and '.join(map(repr, wanted))}", hint)
