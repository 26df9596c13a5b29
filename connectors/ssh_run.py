"""One short command on a host, over the SSH connection that its Engine is reached by."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncssh

from connectors.dial_stdio import SESSIONS, DialStdio, announced
from connectors.errors import CommandError

PATIENCE = 5.0  # seconds for a command, and for a session to run it in
MOST_BYTES = 256 * 1024  # of its output


class _Output:
    """Stands in for a client and keeps what the command writes, up to a limit."""

    def __init__(self) -> None:
        self.saw_eof = False
        self.is_too_long = False
        self.done = asyncio.Event()
        self._parts: list[bytes] = []
        self._room = MOST_BYTES

    def write(self, data: bytes) -> None:
        self._room -= len(data)
        if self._room >= 0:
            self._parts.append(data)
        else:
            self.is_too_long = True
            self.done.set()

    def write_eof(self) -> None:
        self.done.set()

    def close(self) -> None:
        self.done.set()

    def pause(self) -> None:
        """Nothing is written to the command: nothing to hold back."""

    def resume(self) -> None:
        """See `pause`."""

    def text(self) -> str:
        """Everything, whatever its encoding."""
        return b"".join(self._parts).decode(errors="replace")


@asynccontextmanager
async def command_output(sessions: DialStdio, words: Sequence[str]) -> AsyncIterator[str]:
    """Run a command and yield what it wrote to stdout, however it ended.

    Args:
        sessions: Opens the session, and ends the remote process where that does not end itself.
        words: A program of the host and its arguments. They reach it as they are, but for shells
            that are none of POSIX's: these may read backslashes, quotes and ! in another way.

    Raises:
        CommandError: no session to be had, more output than 256 KiB, or not within 5 s.
    """
    if sessions.sessions.limit < SESSIONS:
        # sshd has refused one. What is left is for the Engine: it may be all that dial-stdio has.
        raise CommandError("the host allows too few SSH sessions (MaxSessions)")
    output = _Output()
    try:
        async with asyncio.timeout(PATIENCE):
            side = await sessions.open(output, announced(shlex.join(words)))
            if side is None:
                raise CommandError("no SSH session is free")
            try:
                side.write_eof()
                await output.done.wait()
            finally:
                side.end()
    except TimeoutError as error:
        raise CommandError(f"no answer within {PATIENCE:g} s") from error
    except (asyncssh.Error, OSError) as error:
        raise CommandError(f"no SSH session for it: {error}") from error
    if output.is_too_long:
        raise CommandError(f"it wrote more than {MOST_BYTES:,} bytes")
    yield output.text()
