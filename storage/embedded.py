"""The PostgreSQL that fleet brings along: made, started, watched and stopped with fleet."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import tenacity
import trio

from storage.cluster import Cluster, open_cluster
from storage.data_dir import locked, prepare_folder
from storage.errors import EmbeddedServerError
from storage.outliving import outliving
from storage.postmaster import DEATH_MODE, Postmaster
from storage.stale_pid import clear_stale_pid

_log = logging.getLogger(__name__)

START_ATTEMPTS = 4  # a killed server's last processes may hold its shared memory for a moment
BACKOFF = tenacity.wait_random_exponential(multiplier=0.2, max=10.0)


@contextlib.asynccontextmanager
async def embedded_server(data_dir: Path, *, death_mode: str = DEATH_MODE) -> AsyncIterator[str]:
    """Serve the database under `data_dir` for the length of the block; yields its conninfo.

    A server that ends by itself is started again, with backoff; meanwhile connections fail. A kill
    of this process ends the server too.

    Args:
        data_dir: fleet's data directory, an absolute path, made where it is missing.
        death_mode: how the server learns of our death, see `storage.guard`.

    Raises:
        EmbeddedServerError: the server cannot be set up or started; says why and what to do.
    """
    account = await trio.to_thread.run_sync(prepare_folder, data_dir)
    with locked(data_dir):
        cluster = await trio.to_thread.run_sync(open_cluster, data_dir, account)
        server = await _started(cluster, death_mode, tenacity.stop_after_attempt(START_ATTEMPTS))
        async with outliving(_supervise, server, cluster, death_mode):
            yield cluster.conninfo


async def _supervise(server: Postmaster, cluster: Cluster, death_mode: str) -> None:
    while True:
        try:
            words = await server.ended()
        finally:
            with trio.CancelScope(shield=True):
                await server.stop()
        _log.error("PostgreSQL in %s ended by itself: %s", cluster.folder, words)
        server = await _started(cluster, death_mode, tenacity.stop_never)
        _log.warning("PostgreSQL in %s runs again", cluster.folder)


async def _started(cluster: Cluster, death_mode: str, stop: tenacity.stop.stop_base) -> Postmaster:
    retrying = tenacity.AsyncRetrying(
        sleep=trio.sleep,
        wait=BACKOFF,
        stop=stop,
        retry=tenacity.retry_if_exception_type(EmbeddedServerError),
        before_sleep=_report,
        reraise=True,
    )
    return await retrying(_start_once, cluster, death_mode)


async def _start_once(cluster: Cluster, death_mode: str) -> Postmaster:
    await trio.to_thread.run_sync(clear_stale_pid, cluster.folder)
    return await Postmaster.start(cluster, death_mode)


def _report(attempt: tenacity.RetryCallState) -> None:
    error = attempt.outcome.exception() if attempt.outcome else None
    _log.warning("%s; trying again in %.1f s", error, attempt.upcoming_sleep)
