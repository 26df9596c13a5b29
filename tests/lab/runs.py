"""This process's run folder and the programs started in it."""

import atexit
import itertools
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.errors import LabError, MissingPartError
from tests.lab.owners import BASE, own_name
from tests.lab.reap import marked_environment
from tests.lab.sweep import reap_run, sweep

_numbers = itertools.count(1)
_opening = threading.Lock()
_opened: set[Path] = set()


def run_folder() -> Path:
    """Return this process's run folder; the first call sweeps and makes it.

    Raises:
        MissingPartError: the process is not root on Linux.
    """
    if os.name != "posix" or os.geteuid() != 0:
        raise MissingPartError("the lab needs root: Engines and network namespaces are made in it")
    folder = BASE / own_name()
    with _opening:
        if folder not in _opened:
            sweep()
            folder.mkdir(mode=0o755)
            (folder / "nets").mkdir()
            _opened.add(folder)
            atexit.register(_close, folder, os.getpid())
    return folder


def _close(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child runs its parent's exit functions too
        reap_run(folder)
        _opened.discard(folder)


def new_part(prefix: str) -> Path:
    """Make a folder for one part of the lab, such as ``e1`` for an Engine."""
    part = run_folder() / f"{prefix}{next(_numbers)}"
    part.mkdir(mode=0o755)
    return part


def start(
    command: Sequence[str | Path], part: Path, extra: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program of ``part`` in the background; its output goes to the part's ``log``."""
    environment = marked_environment(part) | dict(extra or {})
    with (part / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=part,  # conmon, for one, leaves a file where it was started
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C in the terminal is for the owner alone
        )


def run(command: Sequence[str | Path], timeout: float = 60.0) -> str:
    """Run a command to its end and return what it printed.

    Raises:
        LabError: it failed; the message holds the command and its error output.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    if done.returncode:
        words = " ".join(str(word) for word in command)
        raise LabError(f"{words}: exit {done.returncode}: {done.stderr.strip() or done.stdout}")
    return done.stdout


def log_tail(part: Path, lines: int = 15) -> str:
    """Return the last lines of a part's log, for error messages."""
    log = part / "log"
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])
