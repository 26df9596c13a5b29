"""The installed command as a person runs it: in a pipe, or on a terminal."""

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from unittest import mock

from fleet.cli.root import run

FLEET = [sys.executable, "-m", "fleet"]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")


@dataclass(frozen=True)
class Done:
    """What a finished command left."""

    returncode: int
    stdout: str
    stderr: str


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@dataclass(frozen=True)
class Fleet:
    """Runs `fleet` with a configuration and nothing of the developer's own surroundings."""

    config: Path

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        dropped = (
            "FLEET_",
            "DOCKER_H",
            "DOCKER_CONTEXT",
            "DOCKER_TLS",
            "NO_COLOR",
            "COLUMNS",
            "SSH_AUTH_SOCK",
        )
        clean = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        return clean | {"FLEET_CONFIG": str(self.config), "TERM": "xterm"} | dict(more or {})

    def run(self, *words: str, environment: Mapping[str, str] | None = None) -> Done:
        """Run it in this process: starting Python anew costs more than most tests."""
        environ = self.environment(environment)
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12")
        with (
            mock.patch.dict(os.environ, environ, clear=True),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = run(words)
        return Done(code, _text(out), _text(err))

    def spawn(self, *words: str, stdin: str = "", timeout: float = 60) -> Done:
        """Run it as a program of its own."""
        done = subprocess.run(
            [*FLEET, *words],
            input=stdin,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def docker(self, *words: str, stdin: str = "") -> str:
        done = self.spawn("docker", *words, stdin=stdin)
        assert done.returncode == 0, done
        return done.stdout

    def out(self, *words: str, code: int = 0) -> str:
        done = self.run(*words)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def start(self, *words: str) -> "Started":
        return Started(
            [*FLEET, *words],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def terminal(
        self,
        *words: str,
        columns: int = 80,
        until: Callable[[str], bool] = lambda _: False,
        keys: bytes = b"",
        deadline: float = 30,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Run it on a terminal; once `until` holds of what it wrote, press `keys`."""
        pid, terminal = pty.fork()
        if pid == 0:
            environ = self.environment(environment)
            os.execvpe(FLEET[0], [*FLEET, *words], environ)  # noqa: S606 - no shell is meant
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        written, end = b"", time.monotonic() + deadline
        while time.monotonic() < end:
            if keys and until(written.decode(errors="replace")):
                os.write(terminal, keys)
                keys = b""
            if select.select([terminal], [], [], 0.05)[0]:
                try:
                    written += os.read(terminal, 65536)
                except OSError:  # the other side is closed: it has ended
                    break
        else:
            os.kill(pid, 9)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        return code, written.decode()


class Started(subprocess.Popen[str]):
    """A command that goes on; a context manager. Where its block fails it is killed.

    A process by itself would be waited for: for ever, since nobody is left to end it.
    """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, value, traceback)

    def interrupt(self, deadline: float = 60) -> int:
        """Press Ctrl-C; returns its exit code."""
        self.send_signal(signal.SIGINT)
        return self.wait(deadline)


class Lines:
    """Whole lines that a program has written so far."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        assert program.stdout is not None
        self._program = program
        self._file = program.stdout.fileno()
        os.set_blocking(self._file, False)
        self._data = b""

    def read(self) -> list[bytes]:
        """All of them; fails when the program has ended by itself."""
        with suppress(BlockingIOError):
            if not (data := os.read(self._file, 1024 * 1024)):
                raise AssertionError(f"it has ended: {self._program.communicate(timeout=60)}")
            self._data += data
        return self._data.split(b"\n")[:-1]


def plain(text: str) -> str:
    """What a terminal shows of a text, without colours and cursor movements."""
    return ESCAPES.sub("", text).replace("\r\n", "\n")
