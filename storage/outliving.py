"""A background task that ends after the block that needs it, however the block ends."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVarTuple

import trio

Ts = TypeVarTuple("Ts")


@contextlib.asynccontextmanager
async def outliving(task: Callable[[*Ts], Awaitable[object]], *args: *Ts) -> AsyncIterator[None]:
    """Run `task` beside the block; a cancel from outside reaches it only when the block is over.

    That keeps the order of a shutdown: what is cancelled as a whole still drains into the database
    before the database stops. An exception of the block passes as it is, not in a group.
    """
    failure: Exception | None = None
    scope = trio.CancelScope(shield=True)

    async def run() -> None:
        with scope:
            await task(*args)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised below, outside of the nursery's group
            failure = error
        finally:
            scope.cancel()
    if failure is not None:
        raise failure
