"""The one thread with an asyncio loop, for asyncssh, and how trio keeps things open in it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, TypeVar

import trio

from connectors.local_user import local_user
from connectors.names import NAMES, Found

T = TypeVar("T")

_CLOSE_GRACE = 10.0  # seconds an asyncio resource has for its own clean-up before it is cancelled
_CANCEL_GRACE = 5.0
_JOIN_GRACE = 15.0
_FILE_THREADS = 16  # for keys and configuration, which may lie on a slow disk or run `Match exec`

_log = logging.getLogger(__name__)


class _Loop(asyncio.SelectorEventLoop):
    """Resolves names where trio does, so that they never hold up what needs another thread."""

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - asyncio's name for it
        proto: int = 0,
        flags: int = 0,
    ) -> Found:
        """As asyncio's."""
        question = (host, port, family, type, proto, flags)
        return await asyncio.wrap_future(NAMES.lookup(*question), loop=self)


class SshThread:
    """A non-daemon thread that runs one asyncio loop until it is stopped and joined."""

    def __init__(self) -> None:
        logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells of each channel else
        # asyncssh refuses to work for a user without a name, as in `docker run --user 1000`.
        os.environ.setdefault("LOGNAME", local_user())
        self.users = 0
        self._stopping = asyncio.Event()
        # A loop factory keeps the loop from becoming trio's thread's current one.
        self._runner = asyncio.Runner(loop_factory=_Loop)
        self._loop = self._runner.get_loop()
        files = ThreadPoolExecutor(_FILE_THREADS, "fleet-ssh-files")
        self._loop.set_default_executor(files)
        self._thread = threading.Thread(target=self._run, name="fleet-ssh", daemon=False)

    def start(self) -> None:
        """Start the thread; work may be given to it at once."""
        self._thread.start()

    def _run(self) -> None:
        with self._runner:
            self._runner.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        await self._stopping.wait()

    async def stop(self) -> None:
        """Cancel what is left in the loop, close it and join the thread.

        One that is late (a `Match exec` that hangs) is left to end by itself: it has nothing open.
        """
        self._loop.call_soon_threadsafe(self._stopping.set)
        with trio.CancelScope(shield=True):
            # A limiter of its own: the join must not queue behind the program's blocking work.
            await trio.to_thread.run_sync(
                self._thread.join, _JOIN_GRACE, limiter=trio.CapacityLimiter(1)
            )
        if self._thread.is_alive():
            _log.warning("the SSH thread did not end within %g s: left to itself", _JOIN_GRACE)

    @asynccontextmanager
    async def hold(self, opening: Callable[[], AbstractAsyncContextManager[T]]) -> AsyncIterator[T]:
        """Enter an asyncio context manager in the thread and leave it when the block ends.

        A trio cancellation cancels the asyncio task that enters, and waits for it, bounded.

        Args:
            opening: Called in the thread; gives the context manager.

        Raises:
            BaseException: whatever entering or leaving the context manager raised.
        """
        held = _Held(opening, trio.lowlevel.current_trio_token())
        self._loop.call_soon_threadsafe(held.start)
        try:
            await held.settled.wait()
            yield held.result()
        finally:
            await self._let_go(held)
        held.raise_late_error()

    async def _let_go(self, held: _Held[T]) -> None:
        with trio.CancelScope(shield=True):
            self._loop.call_soon_threadsafe(held.release)
            with trio.move_on_after(_CLOSE_GRACE):
                await held.ended.wait()
                return
            self._loop.call_soon_threadsafe(held.cancel)
            with trio.move_on_after(_CANCEL_GRACE):
                await held.ended.wait()
                return
        _log.error("a part of the SSH thread ignores its cancellation: left to itself")


class _Held(Generic[T]):
    """One context manager held open by a task of the loop. `settled` and `ended` are trio's."""

    def __init__(
        self, opening: Callable[[], AbstractAsyncContextManager[T]], token: trio.lowlevel.TrioToken
    ) -> None:
        self.settled = trio.Event()
        self.ended = trio.Event()
        self._opening = opening
        self._token = token
        self._released = asyncio.Event()
        self._values: list[T] = []
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._live())
        # A callback, as a task that is cancelled before its first step never runs a line.
        self._task.add_done_callback(self._finish)

    async def _live(self) -> None:
        async with self._opening() as value:
            self._values.append(value)
            self._token.run_sync_soon(self.settled.set)
            await self._released.wait()

    def _finish(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._error = task.exception()
        self._token.run_sync_soon(self.settled.set)
        self._token.run_sync_soon(self.ended.set)

    def release(self) -> None:
        if self._values:
            self._released.set()
        else:
            self.cancel()

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def result(self) -> T:
        if self._values:
            return self._values[0]
        raise self._error or RuntimeError("the SSH thread was stopped")

    def raise_late_error(self) -> None:
        if self._error is not None:
            raise self._error


_shared: trio.lowlevel.RunVar[SshThread | None] = trio.lowlevel.RunVar("fleet-ssh-thread", None)


@asynccontextmanager
async def open_ssh_thread() -> AsyncIterator[SshThread]:
    """Share the run's SSH thread: the first user starts it, the last one stops and joins it.

    Whoever opens and closes many tunnels holds it around all of them.
    """
    thread = _shared.get()
    if thread is None:
        thread = SshThread()
        _shared.set(thread)
        thread.start()
    thread.users += 1
    try:
        yield thread
    finally:
        thread.users -= 1
        if not thread.users:
            _shared.set(None)  # whoever comes while it stops starts a new one
            await thread.stop()
