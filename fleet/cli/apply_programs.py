"""The proxy's own programs: its check of the configuration, and what makes it read it anew."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from tempfile import TemporaryFile

from fleet.cli.errors import USAGE, CommandError

TIMEOUT = 300.0  # nginx takes long for thousands of routes
_LINES = 8


def words_of(option: str, text: str) -> list[str]:
    """A command line's words, as a shell would split them; no shell runs it.

    Raises:
        CommandError: There is no word, a quote without its end, or no such program.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CommandError(f"{option} {text!r}: {error}", code=USAGE) from error
    if not words:
        raise CommandError(f"{option} is empty", "name a command", USAGE)
    if shutil.which(words[0]) is None:
        raise CommandError(
            f"{option}: there is no program {words[0]}",
            f"install it, or give its whole path: {option} '/usr/sbin/nginx ...'",
        )
    return words


def run_program(words: list[str]) -> str | None:
    """Run a command; None if it succeeded, else what it said, in its last lines.

    It has a process group of its own: Ctrl-C is for us, who must see it end.
    """
    with TemporaryFile() as output:  # a pipe would be held open by a daemon that is started so
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            return f"{words[0]}: {error.strerror}"
        try:
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"{shlex.join(words)} did not end within {TIMEOUT:.0f} s"
        output.seek(0)
        said = output.read().decode("utf-8", "replace").strip().splitlines()[-_LINES:]
    return None if code == 0 else "\n".join([f"{shlex.join(words)} ended with {code}", *said])
