"""Asking a fleet, and waiting for what it answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import httpx

from fleet.client.answers import UNCHANGED, Answer, Collected, Memory, read_answer, refusal
from fleet.client.asking import Ask, PageAsk, StreamAsk
from fleet.client.errors import ClientError, UnreachableError
from fleet.client.failing import translated
from fleet.client.settings import Settings
from fleet.client.streaming import Heard, Patience
from fleet.client.transport import DirectTransport

T = TypeVar("T")
Item = TypeVar("Item")


class Connection:
    """Asks; may be used by several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._memory = Memory()
        self._http = httpx.Client(
            transport=DirectTransport(settings.trust),
            timeout=httpx.Timeout(settings.timeout, connect=settings.connect),
            trust_env=False,
        )

    def close(self) -> None:
        """End what is connected."""
        self._http.close()

    def send(self, ask: Ask[T]) -> T:
        """Ask once.

        Raises:
            ClientError: There is no answer, or it is a problem; see `fleet.client.errors`.
        """
        tag = self._memory.tag(ask)
        answer = self.exchange(ask, tag)
        if tag is not None and answer.status == UNCHANGED:
            known = self._memory.recall(ask, tag)
            if known is not None:
                return known
            answer = self.exchange(ask, None)
        document = read_answer(ask, answer)
        self._memory.keep(ask, answer, document)
        return document

    def each(self, ask: PageAsk[Any, Item]) -> Iterator[Item]:
        """All items of a list from the page that is asked for, one page at a time."""
        page: PageAsk[Any, Item] | None = ask
        while page is not None:
            found = self.send(page)
            yield from page.items(found)
            page = page.after(found)

    def exchange(self, ask: Ask[Any], tag: str | None) -> Answer:
        """Ask once, and take whatever is answered.

        Raises:
            ClientError: There is no answer.
        """
        headers = self.settings.headers(ask, tag=tag)
        with translated(self.settings.url) as way, self._open(ask, headers) as response:
            way.stage = "body"
            return self._whole(response)

    @contextmanager
    def listen(self, ask: Ask[Any], last_id: str) -> Iterator[Iterator[bytes]]:
        """What a stream says after a place, as it comes, over one connection.

        Raises:
            ClientError: It cannot be had, or broke off.
        """
        headers = self.settings.headers(ask, last_id=last_id)
        silence = httpx.Timeout(self.settings.silence, connect=self.settings.connect)
        url = self.settings.url
        with translated(url) as way, self._open(ask, headers, silence) as response:
            way.stage = "body"
            if response.status_code != httpx.codes.OK:
                raise refusal(ask.path, self._whole(response))
            yield response.iter_bytes()

    def _open(
        self, ask: Ask[Any], headers: Mapping[str, str], timeout: httpx.Timeout | None = None
    ) -> AbstractContextManager[httpx.Response]:
        return self._http.stream(
            ask.method,
            self.settings.url + ask.target,
            headers=headers,
            content=None if ask.body is None else ask.body.data,
            timeout=timeout or httpx.USE_CLIENT_DEFAULT,
        )

    def _whole(self, response: httpx.Response) -> Answer:
        collected = Collected(self.settings.most)
        for piece in response.iter_bytes():
            collected.add(piece)
        return Answer(status=response.status_code, headers=response.headers, body=collected.whole())


class Stream(Generic[T]):
    """Iterates over what a stream tells, for ever; a lost connection is made anew.

    It goes on where it stood, so that nothing is missed that the fleet still holds; what is missing
    is told by a `GapDocument`. End it with `close`, or by a `with` block.
    """

    def __init__(self, connection: Connection, ask: StreamAsk[T], give_up: float) -> None:
        self._connection = connection
        self._ask = ask
        self._heard = Heard(ask)
        self._patience = Patience(give_up)
        self._ends = ExitStack()
        self._pieces: Iterator[bytes] | None = None

    @property
    def last_id(self) -> str:
        """The place behind the document handed out last: as `last_id`, another stream goes on."""
        return self._heard.last_id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """The next document.

        Raises:
            ClientError: It cannot be had, or was lost for too long.
        """
        while (document := self._heard.next()) is None:
            try:
                self._listen()
            except ClientError as error:
                self.close()
                time.sleep(self._patience.pause(error))
            except BaseException:
                self.close()
                raise
        return document

    def close(self) -> None:
        """End the connection; who goes on iterating connects anew."""
        self._pieces = None
        self._ends.close()

    def _listen(self) -> None:
        if self._pieces is None:
            self._heard.connected()
            listening = self._connection.listen(self._ask, self._heard.last_id)
            self._pieces = self._ends.enter_context(listening)
        url = self._connection.settings.url
        with translated(url) as way:
            way.stage = "body"
            piece = next(self._pieces, None)
        if piece is None:
            raise UnreachableError(url, "body", "the stream was ended")
        self._patience.heard()
        self._heard.take(piece)
