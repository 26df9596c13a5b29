"""What a stream does with what it hears, and how long it waits before it connects again."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from fleet.client.asking import StreamAsk
from fleet.client.errors import (
    ClientError,
    ForeignAnswerError,
    TooManyError,
    UnavailableError,
    UnreachableError,
)
from fleet.client.messages import MessageReader

T = TypeVar("T")

GIVE_UP = 300.0  # seconds without an answer after which a stream ends with an error
_FIRST, _MOST = 1.0, 30.0  # seconds before it is tried again


class Heard(Generic[T]):
    """The documents of a stream, however often it is connected.

    Attributes:
        last_id: The place up to which everything was handed out, or passed over.
        reader: What reads the connection there is now.
    """

    def __init__(self, ask: StreamAsk[T]) -> None:
        self.last_id = ask.last_id
        self.reader = MessageReader(ask.last_id)
        self._ask = ask
        self._waiting: deque[tuple[str, T]] = deque()

    def connected(self) -> None:
        """What follows comes over another connection."""
        self.reader = MessageReader(self.last_id)

    def take(self, data: bytes) -> None:
        """Read what came in.

        Raises:
            ForeignAnswerError: It is none of the stream's documents.
            AnswerTooLargeError: It has too many bytes.
        """
        for message in self.reader.feed(data):
            kind = self._ask.kinds.get(message.event)
            if kind is not None:  # streams come to tell more
                self._waiting.append((message.id, self._read(message.data, kind)))

    def next(self) -> T | None:
        """The next document, None where there is none yet."""
        if not self._waiting:
            self.last_id = self.reader.last_id
            return None
        self.last_id, document = self._waiting.popleft()
        return document

    def _read(self, data: str, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.MsgspecError as error:
            raise ForeignAnswerError(self._ask.path, str(error), 200) from error


class Patience:
    """How long to wait before a lost stream is connected again: longer each time, and by chance.

    Args:
        give_up: Seconds without an answer after which there is no other attempt; 0: none at all.
        clock: Seconds that only grow.
    """

    def __init__(self, give_up: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._give_up = give_up
        self._clock = clock
        self._heard: float | None = None
        self._attempts = 0

    def heard(self) -> None:
        """It is connected, and told something."""
        self._heard = self._clock()
        self._attempts = 0

    def pause(self, error: ClientError) -> float:
        """Seconds to wait after it was lost.

        Raises:
            ClientError: The error, where it never was connected, where it is of a kind that does
                not pass, or where nothing was heard for too long.
        """
        passing = isinstance(error, UnreachableError | UnavailableError | TooManyError)
        if not passing or self._heard is None or self._clock() - self._heard >= self._give_up:
            raise error
        longest = min(_MOST, _FIRST * 2.0**self._attempts)
        self._attempts = min(self._attempts + 1, 10)
        asked = min(getattr(error, "retry_after", None) or 0.0, self._give_up)
        return max(asked, random.uniform(longest / 2, longest))  # noqa: S311 - no secret
