"""From what was answered to documents, and what is remembered of them. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, TypeVar, cast

import msgspec

from fleet.client.asking import Ask
from fleet.client.errors import AnswerTooLargeError, ForeignAnswerError, problem_error
from web.problem_documents import ProblemDocument

T = TypeVar("T")

PROBLEM = "application/problem+json"
UNCHANGED = 304
MOST = 64 * 1024 * 1024  # bytes of one answer
MOST_KEPT = 16 * 1024 * 1024  # bytes of all answers that are remembered
MOST_ANSWERS = 256
_RETRY_AFTER = "retry-after"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came: headers by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """Without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Collected:
    """The bytes of an answer, as many as are taken."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """One more piece.

        Raises:
            AnswerTooLargeError: There are too many.
        """
        self._size += len(piece)
        if self._size > self._most:
            raise AnswerTooLargeError(f"the answer has more than {self._most} bytes")
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """All of them."""
        return b"".join(self._pieces)


def read_answer(ask: Ask[T], answer: Answer) -> T:
    """The document.

    Raises:
        ProblemError: It is a problem.
        ForeignAnswerError: It is no document of the API.
    """
    if answer.status not in ask.statuses or answer.media_type == PROBLEM:
        raise refusal(ask.path, answer)
    if ask.kind is bytes:
        return cast("T", answer.body)  # its type says so
    try:
        return msgspec.json.decode(answer.body, type=ask.kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ForeignAnswerError(ask.path, str(error), answer.status) from error


def refusal(path: str, answer: Answer) -> Exception:
    """What a status other than the awaited one means."""
    if answer.media_type != PROBLEM:
        return ForeignAnswerError(path, f"HTTP {answer.status}", answer.status)
    try:
        problem = msgspec.json.decode(answer.body, type=ProblemDocument)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return ForeignAnswerError(path, str(error), answer.status)
    wait = answer.headers.get(_RETRY_AFTER, "")
    return problem_error(problem, float(wait) if wait.isdecimal() else None)


class Memory:
    """Answers by what was asked, while they are said to be unchanged; the oldest leave first."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._size = 0
        self._kept: OrderedDict[tuple[str, Any], tuple[str, object, int]] = OrderedDict()
        self._lock = Lock()

    def tag(self, ask: Ask[Any]) -> str | None:
        """What to ask with, as `If-None-Match`."""
        with self._lock:
            found = self._kept.get((ask.target, ask.kind))
            return None if found is None else found[0]

    def recall(self, ask: Ask[T], tag: str) -> T | None:
        """The document of this tag; None where it was let go meanwhile."""
        with self._lock:
            found = self._kept.get((ask.target, ask.kind))
            if found is None or found[0] != tag:
                return None
            self._kept.move_to_end((ask.target, ask.kind))
            return cast("T", found[1])

    def keep(self, ask: Ask[T], answer: Answer, document: T) -> None:
        """Remember an answer that has a tag."""
        tag, size = answer.headers.get("etag"), len(answer.body)
        if tag is None or ask.method != "GET" or size > self._most // 4:
            return
        with self._lock:
            self._forget((ask.target, ask.kind))
            self._kept[ask.target, ask.kind] = (tag, document, size)
            self._size += size
            while self._size > self._most or len(self._kept) > MOST_ANSWERS:
                self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[str, Any]) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._size -= found[2]
