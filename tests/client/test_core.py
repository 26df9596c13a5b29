"""What both clients share, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.client import AnswerTooLargeError, NotFoundError, UnavailableError, UnreachableError
from fleet.client.answers import MOST_ANSWERS, Answer, Memory
from fleet.client.asking import Value, query_text
from fleet.client.asks_live import container, containers, get
from fleet.client.messages import Message, MessageReader
from fleet.client.settings import settings as as_given
from fleet.client.streaming import Patience
from web.documents import AliveDocument
from web.problem_documents import ProblemDocument

SAID = (
    b"retry: 2000\n\n"
    b"id: 1-a\ndata: {}\n\n"
    b": heartbeat\nid: 2-a\n\n"
    b"event: gap\r\ndata: one\r\ndata: two\r\n\r\n"
    b"id: 3-a\nevent: changed\ndata: \xc3\xa9\n\n"
)
HEARD = [
    Message(id="1-a", event="", data="{}"),
    Message(id="2-a", event="gap", data="one\ntwo"),
    Message(id="3-a", event="changed", data="é"),
]
LOST = UnreachableError("http://x", "body", "lost")


@given(st.lists(st.integers(0, len(SAID)), max_size=20))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_messages_are_found_however_they_are_cut(cuts: list[int]) -> None:
    reader, found = MessageReader("0-a"), []
    places = [0, *sorted(cuts), len(SAID)]
    for begin, end in pairwise(places):
        found += reader.feed(SAID[begin:end])
    assert (found, reader.last_id) == (HEARD, "3-a")


def test_a_message_without_end_is_given_up() -> None:
    reader = MessageReader(most=100)
    for _ in range(10):
        assert reader.feed(b"data: 1234") == []
    with pytest.raises(AnswerTooLargeError):
        reader.feed(b"5")


def problem(kind: str, status: int) -> ProblemDocument:
    return ProblemDocument(type=kind, title="", status=status, detail="", instance="")


def test_patience_grows_and_ends() -> None:
    now = [0.0]
    patience = Patience(100, lambda: now[0])
    with pytest.raises(UnreachableError):
        patience.pause(LOST)  # it never was connected
    patience.heard()
    pauses = [patience.pause(LOST) for _ in range(8)]
    for pause, longest in zip(pauses, (1, 2, 4, 8, 16, 30, 30, 30), strict=True):
        assert longest / 2 <= pause <= longest
    assert patience.pause(UnavailableError(problem("x", 503), 50.0)) == 50.0
    assert patience.pause(UnavailableError(problem("x", 503), 1e300)) == 100
    with pytest.raises(NotFoundError):
        patience.pause(NotFoundError(problem("x", 404)))
    patience.heard()
    assert patience.pause(LOST) <= 1
    now[0] = 100.0
    with pytest.raises(UnreachableError):
        patience.pause(LOST)


def test_a_token_stands_in_no_log() -> None:
    assert repr(as_given("http://x", "fleet_secret", None, None, 1)) == "Settings(url='http://x')"


def test_questions_are_written_as_the_api_reads_them() -> None:
    assert container("a/b c", "x").target == "/api/containers/x/a%2Fb%20c"
    zone = timezone(timedelta(hours=2))
    asked: dict[str, Value] = {
        "start": datetime(2026, 1, 1, 14, tzinfo=zone),
        "last": timedelta(minutes=2),
        "follow": True,
        "label": ["a=1", "b&c"],
        "none": None,
        "empty": (),
    }
    assert query_text(asked) == (
        "?start=2026-01-01T12%3A00%3A00Z&last=120s&follow=true&label=a%3D1&label=b%26c"
    )
    assert datetime(2026, 1, 1, 12, tzinfo=UTC) == asked["start"]
    with pytest.raises(ValueError, match="no zone"):
        query_text({"start": datetime(2026, 1, 1)})


def test_what_is_remembered_is_bounded() -> None:
    memory, document = Memory(most=1000), AliveDocument()
    asks = [get(AliveDocument, f"/{number}") for number in range(MOST_ANSWERS + 1)]

    def answer(size: int) -> Answer:
        return Answer(status=200, headers={"etag": '"x"'}, body=b"x" * size)

    for ask in asks[:10]:
        memory.keep(ask, answer(200), document)
    assert [memory.tag(ask) for ask in asks[:10]] == [None] * 5 + ['"x"'] * 5
    assert memory.recall(asks[9], '"x"') is document
    assert memory.recall(asks[9], '"y"') is None
    memory.keep(asks[0], answer(300), document)
    assert memory.tag(asks[0]) is None, "one alone may not fill it"
    for ask in asks:
        memory.keep(ask, answer(0), document)
    assert sum(memory.tag(ask) is not None for ask in asks) == MOST_ANSWERS


def test_the_page_after_is_asked_for_by_its_cursor() -> None:
    first = containers(limit=2, offset=4)
    assert first.target == "/api/containers?limit=2&offset=4"
    page = {"total": 9, "offset": 4, "limit": 2, "next": "abc"}
    found = msgspec.convert({"containers": [], "page": page}, first.kind)
    after = first.after(found)
    assert after is not None
    assert after.target == "/api/containers?limit=2&cursor=abc"
    last = msgspec.convert({"containers": [], "page": {**page, "next": None}}, first.kind)
    assert after.after(last) is None
