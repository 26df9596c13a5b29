"""One running `postgres` and the thread that is its parent.

The parent-death signal follows the thread that forked, so each server has a thread of its own,
which forks it, reads what it says and reaps it. The thread ends when the server has ended.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import trio

from storage.cluster import Cluster, environment
from storage.errors import EmbeddedServerError

_log = logging.getLogger(__name__)

READY_SECONDS = 120.0  # a start may have to replay the log first
READY_LINE = 7  # of postmaster.pid
STOP_STEPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
DEATH_MODE = "signal" if sys.platform == "linux" else "pipe"
LAST_LINES = 20

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "30",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",  # nobody replicates from it
    "max_wal_senders": "0",
    "max_replication_slots": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers": "0",
    "max_worker_processes": "2",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "logging_collector": "off",
}
SETTINGS_OF_18 = {
    "io_method": "sync",  # else three more processes
    "autovacuum_worker_slots": "2",
}


class Postmaster:
    """A server process; make it with `start`."""

    def __init__(self, cluster: Cluster, mode: str) -> None:
        self._cluster = cluster
        self._mode = mode
        self._token = trio.lowlevel.current_trio_token()
        self._forked = trio.Event()
        self._ended = trio.Event()
        self._process: subprocess.Popen[str] | None = None
        self._failure: OSError | None = None
        self._said: deque[str] = deque(maxlen=LAST_LINES)

    @classmethod
    async def start(cls, cluster: Cluster, mode: str = DEATH_MODE) -> Postmaster:
        """Start the server and return when it accepts connections.

        Raises:
            EmbeddedServerError: it ended again, or is not ready after two minutes.
        """
        server = cls(cluster, mode)
        threading.Thread(target=server._parent, name="postgres", daemon=True).start()
        try:
            await server._forked.wait()
            await server._ready()
        except BaseException:
            with trio.CancelScope(shield=True):
                await server.stop()
            raise
        return server

    @property
    def pid(self) -> int:
        """Of the server, or of the guard that stays as its parent."""
        assert self._process is not None  # noqa: S101 - `start` returned, so it was forked
        return self._process.pid

    async def ended(self) -> str:
        """Wait until the server has ended; returns the last that it said."""
        await self._ended.wait()
        return self._last_words()

    async def stop(self) -> None:
        """End the server: a fast shutdown, then ever harder."""
        await self._forked.wait()
        for number, seconds in STOP_STEPS:
            if self._process is not None:
                self._process.send_signal(number)
            with trio.move_on_after(seconds):
                await self._ended.wait()
                return
        _log.error("PostgreSQL in %s does not end, even killed", self._cluster.folder)

    def _parent(self) -> None:
        try:
            process = self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,  # closed by the kernel when we die: what `pipe` mode watches
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment(),
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C is for us: we stop it when we are done
            )
        except OSError as error:
            self._failure = error
            self._tell(self._forked, self._ended)
            return
        self._tell(self._forked)
        with process:  # closes the pipes and reaps
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            for line in process.stdout:
                self._hear(line.rstrip())
        self._tell(self._ended)

    def _tell(self, *events: trio.Event) -> None:
        for event in events:
            try:
                self._token.run_sync_soon(event.set)
            except trio.RunFinishedError:
                return  # nobody is left to be told

    def _hear(self, line: str) -> None:
        self._said.append(line)
        grave = line.startswith(("FATAL:", "PANIC:"))
        _log.log(logging.WARNING if grave else logging.DEBUG, "PostgreSQL: %s", line)

    def _command(self) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": str(self._cluster.sockets)}
        if self._cluster.major >= 18:
            settings |= SETTINGS_OF_18
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        folder = str(self._cluster.folder)
        return self._cluster.command(self._mode, "postgres", "-D", folder, *options)

    async def _ready(self) -> None:
        with trio.move_on_after(READY_SECONDS):
            while not self._ended.is_set():
                if _says_ready(self._cluster.folder / "postmaster.pid"):
                    return
                await trio.sleep(0.005)
            raise EmbeddedServerError(
                f"PostgreSQL did not start in {self._cluster.folder}:"
                f" {self._failure or self._last_words()}"
            )
        raise EmbeddedServerError(
            f"PostgreSQL in {self._cluster.folder} is not ready after {READY_SECONDS:.0f} s:"
            f" {self._last_words()}"
        )

    def _last_words(self) -> str:
        return " ".join(self._said) or "it said nothing"


def _says_ready(path: Path) -> bool:
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready"
