import pytest

from connectors.follow import read_event
from connectors.streams import Lines
from connectors.wire import MalformedError

TEXT = b'{"a":1}\n\r\n{"b":2}\r\n{"c":3}\n{"d"'


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
def test_lines_are_joined_however_they_are_cut(step: int) -> None:
    lines = Lines()
    found = [line for at in range(0, len(TEXT), step) for line in lines.feed(TEXT[at : at + step])]
    assert found == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    assert lines.feed(b":4}\n") == [b'{"d":4}']


def test_a_line_of_the_limit_passes_and_a_longer_one_is_refused() -> None:
    lines = Lines(limit=10)
    assert lines.feed(b"x" * 10) == []
    assert lines.feed(b"\n") == [b"x" * 10]
    with pytest.raises(MalformedError, match="more than 10 bytes"):
        lines.feed(b"x" * 11)
    with pytest.raises(MalformedError, match="more than 10 bytes"):
        Lines(limit=10).feed(b"x" * 11 + b"\n")


def test_an_event_is_read_without_its_legacy_fields() -> None:
    found = read_event(
        b'{"status":"die","id":"x","Type":"container","Action":"die","timeNano":1795246006600738761'
        b',"Actor":{"ID":"abc","Attributes":{"exitCode":"3"}}}'
    )
    assert (found.type, found.action, found.actor.id) == ("container", "die", "abc")
    assert found.actor.attributes == {"exitCode": "3"}
    assert found.time_nano == 1795246006600738761


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"{}", b'{"Type":"container"}', b'{"Type":1,"Action":"die"}', b"[" * 100_000,
     b'{"Type":"\xff\xfe","Action":"die"}'],
)  # fmt: skip
def test_what_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedError, match="event"):
        read_event(line)
