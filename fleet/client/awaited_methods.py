"""From a question to the method that asks it, and is awaited."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from fleet.client.asking import Ask, PageAsk, StreamAsk
from fleet.client.awaiting import AsyncConnection, AsyncItems, AsyncStream
from fleet.client.blocking_methods import of_all

T = TypeVar("T")
Item = TypeVar("Item")
P = ParamSpec("P")


class Asking(Protocol):
    """What has such methods."""

    connection: AsyncConnection
    give_up: float


def awaited(
    make: Callable[P, Ask[T]],
) -> Callable[Concatenate[Asking, P], Coroutine[Any, Any, T]]:
    """Asks, and returns the document."""

    @functools.wraps(make)
    async def method(client: Asking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client.connection.send(make(*args, **kwargs))

    return method


def awaited_each(
    make: Callable[P, PageAsk[Any, Item]],
) -> Callable[Concatenate[Asking, P], AsyncIterator[Item]]:
    """Asks for one page after another, and iterates over all items."""

    @functools.wraps(make)
    def method(client: Asking, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Item]:
        return AsyncItems(client.connection, make(*args, **kwargs))

    method.__doc__ = of_all(make.__doc__)
    return method


def awaited_stream(
    make: Callable[P, StreamAsk[T]],
) -> Callable[Concatenate[Asking, P], AsyncStream[T]]:
    """Listens; the connection is made when the first document is asked for."""

    @functools.wraps(make)
    def method(client: Asking, /, *args: P.args, **kwargs: P.kwargs) -> AsyncStream[T]:
        return AsyncStream(client.connection, make(*args, **kwargs), client.give_up)

    return method
