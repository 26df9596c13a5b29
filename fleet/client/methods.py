"""From a question to the method that asks it: of the client that blocks, and of the other one."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from fleet.client.asking import Ask, PageAsk, StreamAsk
from fleet.client.awaiting import AsyncConnection, AsyncItems, AsyncStream
from fleet.client.blocking import Connection, Stream

T = TypeVar("T")
Item = TypeVar("Item")
P = ParamSpec("P")
M = TypeVar("M", bound=Callable[..., Any])


class Blocks(Protocol):
    """The client that blocks."""

    connection: Connection
    give_up: float


class Awaits(Protocol):
    """The client that is awaited."""

    connection: AsyncConnection
    give_up: float


def blocking(make: Callable[P, Ask[T]]) -> Callable[Concatenate[Blocks, P], T]:
    """Asks, and returns the document."""

    @functools.wraps(make)
    def method(client: Blocks, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client.connection.send(make(*args, **kwargs))

    return method


def blocking_each(
    make: Callable[P, PageAsk[Any, Item]],
) -> Callable[Concatenate[Blocks, P], Iterator[Item]]:
    """Asks for one page after another, and iterates over all items."""

    @functools.wraps(make)
    def method(client: Blocks, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Item]:
        return client.connection.each(make(*args, **kwargs))

    return _of_all(method)


def blocking_stream(
    make: Callable[P, StreamAsk[T]],
) -> Callable[Concatenate[Blocks, P], Stream[T]]:
    """Listens; the connection is made when the first document is asked for."""

    @functools.wraps(make)
    def method(client: Blocks, /, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
        return Stream(client.connection, make(*args, **kwargs), client.give_up)

    return method


def awaited(
    make: Callable[P, Ask[T]],
) -> Callable[Concatenate[Awaits, P], Coroutine[Any, Any, T]]:
    """Asks, and returns the document."""

    @functools.wraps(make)
    async def method(client: Awaits, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client.connection.send(make(*args, **kwargs))

    return method


def awaited_each(
    make: Callable[P, PageAsk[Any, Item]],
) -> Callable[Concatenate[Awaits, P], AsyncIterator[Item]]:
    """Asks for one page after another, and iterates over all items."""

    @functools.wraps(make)
    def method(client: Awaits, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Item]:
        return AsyncItems(client.connection, make(*args, **kwargs))

    return _of_all(method)


def awaited_stream(
    make: Callable[P, StreamAsk[T]],
) -> Callable[Concatenate[Awaits, P], AsyncStream[T]]:
    """Listens; the connection is made when the first document is asked for."""

    @functools.wraps(make)
    def method(client: Awaits, /, *args: P.args, **kwargs: P.kwargs) -> AsyncStream[T]:
        return AsyncStream(client.connection, make(*args, **kwargs), client.give_up)

    return method


def _of_all(method: M) -> M:
    method.__doc__ = f"Iterates over all pages. {method.__doc__}"
    return method
