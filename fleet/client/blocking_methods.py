"""From a question to the method that asks it, and waits for the answer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from fleet.client.asking import Ask, PageAsk, StreamAsk
from fleet.client.blocking import Connection, Stream

T = TypeVar("T")
Item = TypeVar("Item")
P = ParamSpec("P")


class Asking(Protocol):
    """What has such methods."""

    connection: Connection
    give_up: float


def blocking(make: Callable[P, Ask[T]]) -> Callable[Concatenate[Asking, P], T]:
    """Asks, and returns the document."""

    @functools.wraps(make)
    def method(client: Asking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client.connection.send(make(*args, **kwargs))

    return method


def blocking_each(
    make: Callable[P, PageAsk[Any, Item]],
) -> Callable[Concatenate[Asking, P], Iterator[Item]]:
    """Asks for one page after another, and iterates over all items."""

    @functools.wraps(make)
    def method(client: Asking, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Item]:
        return client.connection.each(make(*args, **kwargs))

    method.__doc__ = of_all(make.__doc__)
    return method


def blocking_stream(
    make: Callable[P, StreamAsk[T]],
) -> Callable[Concatenate[Asking, P], Stream[T]]:
    """Listens; the connection is made when the first document is asked for."""

    @functools.wraps(make)
    def method(client: Asking, /, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
        return Stream(client.connection, make(*args, **kwargs), client.give_up)

    return method


def of_all(one_page: str | None) -> str:
    """What is said of a method that goes through all pages, by what is said of one of them."""
    return f"Iterates over all pages. {one_page}"
