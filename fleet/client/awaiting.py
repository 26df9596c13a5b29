"""Asking a fleet on trio or asyncio."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import anyio
import httpx

from fleet.client.answers import UNCHANGED, Answer, Collected, Memory, read_answer, refusal
from fleet.client.asking import Ask, PageAsk, StreamAsk
from fleet.client.errors import ClientError, UnreachableError
from fleet.client.failing import translated
from fleet.client.settings import Settings
from fleet.client.streaming import Heard, Patience

T = TypeVar("T")
Item = TypeVar("Item")

_GOODBYE = 2.0  # seconds for a connection to end in order


class AsyncConnection:
    """Asks; for one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._memory = Memory()
        trust: ssl.SSLContext | bool = False
        if settings.is_secure:
            trust = settings.trust or ssl.create_default_context()
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(verify=trust, trust_env=False),
            timeout=httpx.Timeout(settings.timeout, connect=settings.connect),
            trust_env=False,
        )

    async def close(self) -> None:
        """End what is connected."""
        await self._http.aclose()

    async def send(self, ask: Ask[T]) -> T:
        """Ask once.

        Raises:
            ClientError: There is no answer, or it is a problem; see `fleet.client.errors`.
        """
        tag = self._memory.tag(ask)
        answer = await self.exchange(ask, tag)
        if tag is not None and answer.status == UNCHANGED:
            known = self._memory.recall(ask, tag)
            if known is not None:
                return known
            answer = await self.exchange(ask, None)
        document = read_answer(ask, answer)
        self._memory.keep(ask, answer, document)
        return document

    async def exchange(self, ask: Ask[Any], tag: str | None) -> Answer:
        """Ask once, and take whatever is answered.

        Raises:
            ClientError: There is no answer.
        """
        with translated(self.settings.url) as way:
            response = await self.open(ask, self.settings.headers(ask, tag=tag))
            way.stage = "body"
            return await self.whole(response)

    async def open(
        self, ask: Ask[Any], headers: Mapping[str, str], patience: httpx.Timeout | None = None
    ) -> httpx.Response:
        """Ask, and read the head of what is answered."""
        request = self._http.build_request(
            ask.method,
            self.settings.url + ask.target,
            headers=headers,
            content=None if ask.body is None else ask.body.data,
            timeout=patience or httpx.USE_CLIENT_DEFAULT,
        )
        return await self._http.send(request, stream=True)

    async def whole(self, response: httpx.Response) -> Answer:
        """All of an answer."""
        collected = Collected(self.settings.most)
        pieces = aiter(response.aiter_bytes())
        try:
            async for piece in pieces:
                collected.add(piece)
        finally:
            await end(response, pieces)
        return Answer(status=response.status_code, headers=response.headers, body=collected.whole())


async def end(response: httpx.Response, pieces: AsyncIterator[bytes]) -> None:
    """End an answer, read to its end or not.

    The generators that read it are let run into the closed connection: left alone, they would be
    ended by the garbage collector, of which trio complains.
    """
    with anyio.CancelScope(shield=True), anyio.move_on_after(_GOODBYE):
        await response.aclose()
        with suppress(httpx.HTTPError, httpx.StreamError):
            async for _ in pieces:
                pass


class AsyncItems(Generic[Item]):
    """Iterates over all items of a list, page by page. No generator: it may be left anywhere."""

    def __init__(self, connection: AsyncConnection, ask: PageAsk[Any, Item]) -> None:
        self._connection = connection
        self._next: PageAsk[Any, Item] | None = ask
        self._items: Iterator[Item] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        while True:
            for item in self._items:
                return item
            if self._next is None:
                raise StopAsyncIteration
            page, self._next = self._next, None
            found = await self._connection.send(page)
            self._items, self._next = iter(page.items(found)), page.after(found)


class AsyncStream(Generic[T]):
    """As `fleet.client.blocking.Stream`: to be used in an `async with` block.

    A wait that is cancelled loses nothing: who waits again is connected anew, where it stood.
    """

    def __init__(self, connection: AsyncConnection, ask: StreamAsk[T], give_up: float) -> None:
        self._connection = connection
        self._ask = ask
        self._heard = Heard(ask)
        self._patience = Patience(give_up)
        self._open: tuple[httpx.Response, AsyncIterator[bytes]] | None = None

    @property
    def last_id(self) -> str:
        """The place behind the document handed out last: as `last_id`, another stream goes on."""
        return self._heard.last_id

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next document.

        Raises:
            ClientError: It cannot be had, or was lost for too long.
        """
        while (document := self._heard.next()) is None:
            try:
                await self._listen()
            except ClientError as error:
                await self.close()
                await anyio.sleep(self._patience.pause(error))
            except BaseException:
                await self.close()
                raise
        return document

    async def close(self) -> None:
        """End the connection; who goes on iterating connects anew."""
        if self._open is not None:
            response, pieces = self._open
            self._open = None
            await end(response, pieces)

    async def _listen(self) -> None:
        url = self._connection.settings.url
        with translated(url) as way:
            _, pieces = self._open or await self._connect()
            way.stage = "body"
            piece = await anext(pieces, None)
        if piece is None:
            raise UnreachableError(url, "body", "the stream was ended")
        self._patience.heard()
        self._heard.take(piece)

    async def _connect(self) -> tuple[httpx.Response, AsyncIterator[bytes]]:
        self._heard.connected()
        settings = self._connection.settings
        response = await self._connection.open(
            self._ask,
            settings.headers(self._ask, last_id=self._heard.last_id),
            httpx.Timeout(settings.silence, connect=settings.connect),
        )
        if response.status_code != httpx.codes.OK:
            raise refusal(self._ask.path, await self._connection.whole(response))
        self._open = response, aiter(response.aiter_bytes())
        return self._open
