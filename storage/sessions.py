"""Connections to one database, used from worker threads, a few at a time.

Who asks runs on trio or on asyncio, and psycopg cannot run on trio, so each piece of work goes to a
thread as a whole: take an idle connection or open one, work, put it back. A pool with threads of
its own that reconnects in the background would hide why the database cannot be reached and make
every caller wait to learn it.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

import anyio
import psycopg
from anyio import to_thread
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from storage.errors import DatabaseAwayError, DatabaseBusyError, translate
from storage.loops import this_loop

T = TypeVar("T")
Connection = psycopg.Connection[tuple[object, ...]]

CONNECT_SECONDS = 5
CANCEL_SECONDS = 2.0
GRACE_SECONDS = 5.0  # on top of the server's own limit, which a silent server does not keep
APPLICATION = "fleet"

TRANSPORT: dict[str, str | int | None] = {  # unless the URL says otherwise
    "connect_timeout": CONNECT_SECONDS,
    "application_name": APPLICATION,
    "tcp_user_timeout": 10_000,  # ms that sent data may stay unacknowledged
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "client_encoding": "utf8",
}


class _Job:
    """One piece of work in a thread, and its end if the caller no longer wants it.

    Args:
        seconds: that it may take with its connection, when `scope` is cancelled.
        scope: the caller's.
    """

    def __init__(self, seconds: float, scope: anyio.CancelScope) -> None:
        self._seconds = seconds
        self._scope = scope
        self._loop = this_loop()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._socket: socket.socket | None = None
        self.has_place = False
        self.unwanted = False

    def take_place(self) -> None:
        """From now on it does not wait for others; connecting has limits of its own."""
        self.has_place = True
        self._set_clock(math.inf)

    def begin(self, connection: Connection) -> bool:
        """Whether the work is still wanted; from now on it is timed and can be interrupted."""
        self._set_clock(self._seconds)
        with self._lock:
            # A descriptor of our own: libpq may close its one, and the number be used again.
            self._socket = socket.socket(fileno=os.dup(connection.pgconn.socket))
            self._connection = connection
            return not self.unwanted

    def finish(self) -> bool:
        """Whether the connection may be used again: not one that an interrupt may still reach."""
        with self._lock:
            self._connection = None
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            return not self.unwanted

    def interrupt(self) -> None:
        """Cancel the query at the server, and do not wait for its answer, which may never come."""
        with self._lock:
            self.unwanted = True
            connection = self._connection
        if connection is None:
            return
        with contextlib.suppress(psycopg.Error):  # it is gone, or silent
            connection.cancel_safe(timeout=CANCEL_SECONDS)
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _set_clock(self, seconds: float) -> None:
        def set_it() -> None:
            self._scope.deadline = self._loop.time() + seconds

        self._loop.call_soon(set_it)


class Sessions:
    """At most `size` connections, all set up by `settings` (names and values of PostgreSQL's).

    `seconds` limits each piece of work with them, see `run`, and `patience` how long it waits for
    others to end theirs; without one it waits for as long as these take. `password` is asked at
    each connect, so that one that was changed is taken.
    """

    def __init__(
        self,
        conninfo: str,
        password: Callable[[], str | None],
        where: str,
        size: int,
        seconds: float,
        settings: dict[str, str],
        patience: float = math.inf,
    ) -> None:
        self._conninfo = make_conninfo("", **{**TRANSPORT, **conninfo_to_dict(conninfo)})
        self._password = password
        self._where = where
        self._seconds = seconds + GRACE_SECONDS
        self._settings = settings
        self._patience = patience
        self._idle: list[Connection] = []
        self._closed = False
        self._limiter = anyio.CapacityLimiter(size)
        self._interrupts = anyio.CapacityLimiter(size)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` with a connection (in autocommit mode) in a thread.

        A cancel cancels the query at the server and ends its connection. So does a database that
        gives no answer within the seconds that work may take.

        Raises:
            DatabaseBusyError: no connection became free in time.
            StorageError: every error of psycopg's, translated.
        """
        with anyio.CancelScope(deadline=anyio.current_time() + self._patience) as scope:
            job = _Job(self._seconds, scope)
            try:
                return await to_thread.run_sync(
                    self._do, job, work, limiter=self._limiter, abandon_on_cancel=True
                )
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(job.interrupt, limiter=self._interrupts)
                raise
            except psycopg.Error as error:
                raise translate(error, self._where) from error
        if not job.has_place:
            raise DatabaseBusyError(
                f"{self._where} is busy: other queries kept all [storage] readers"
                f" ({self._limiter.total_tokens:g}) for {self._patience:g} s. Ask again later."
            )
        raise DatabaseAwayError(f"{self._where}: no answer within {self._seconds:g} s")

    def close(self) -> None:
        """Close the idle connections; those in use follow when their work ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _do(self, job: _Job, work: Callable[[Connection], T]) -> T:
        job.take_place()
        idle = self._take()
        connection = idle or self._connect()
        usable = False
        try:
            if not job.begin(connection):
                raise DatabaseAwayError(f"{self._where}: no longer wanted")
            if idle is None:
                self._set_up(connection)
            result = work(connection)
        except (psycopg.DataError, psycopg.IntegrityError):
            usable = True  # the rows are at fault; after all else, a new session may fare better
            raise
        except OSError as error:  # no descriptor is left
            raise DatabaseAwayError(f"{self._where}: {error.strerror}") from error
        else:
            usable = True
            return result
        finally:
            if job.finish() and usable:
                self._give_back(connection)
            else:
                connection.close()

    def _take(self) -> Connection | None:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None  # another thread was faster
            if _still_open(connection):
                return connection
            connection.close()
        return None

    def _connect(self) -> Connection:
        secret = self._password()
        return psycopg.connect(
            self._conninfo if secret is None else make_conninfo(self._conninfo, password=secret),
            autocommit=True,
            prepare_threshold=None,  # plans must see the time range; and poolers in between
        )

    def _set_up(self, connection: Connection) -> None:
        calls = ", ".join(["set_config(%s, %s, false)"] * len(self._settings))
        values = [part for setting in self._settings.items() for part in setting]
        connection.execute(b"SELECT " + calls.encode(), values)

    def _give_back(self, connection: Connection) -> None:
        idle = psycopg.pq.TransactionStatus.IDLE
        if self._closed or connection.closed or connection.info.transaction_status != idle:
            connection.close()
        else:
            self._idle.append(connection)


def _still_open(connection: Connection) -> bool:
    """Whether a connection taken from the shelf is alive, as far as this end can tell.

    A server that stopped has sent its farewell and closed: something to read where nothing was
    asked for.
    """
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not poll.poll(0)
