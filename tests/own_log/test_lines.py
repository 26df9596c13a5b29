from __future__ import annotations

import io
import json
import logging
import re
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from fleet.own_log.lines import MOST_EVENT, MOST_EXCEPTION, Form, Lines, TraceId

FORMS: tuple[Form, ...] = ("text", "json")


def record(
    text: str = "edge-1: up", *values: object, name: str = "fleet.session", level: str = "INFO"
) -> logging.LogRecord:
    number = logging.getLevelNamesMapping()[level]
    return logging.LogRecord(name, number, __file__, 1, text, values, None)


def failed(message: str) -> logging.LogRecord:
    made = record("it failed", level="ERROR")
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        raise ValueError(message)
    made.exc_info = (caught.type, caught.value, caught.tb)
    return made


def as_json(made: logging.LogRecord, trace_id: TraceId | None = None) -> dict[str, Any]:
    lines = Lines("json")
    lines.trace_id = trace_id
    text = lines.format(made)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_json_has_every_fact_under_its_name() -> None:
    with bound_contextvars(host="edge-1", request_id="abc"):
        found = as_json(record("up after %d", 3), trace_id=lambda: "f" * 32)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert found == {
        "level": "info",
        "logger": "fleet.session",
        "event": "up after 3",
        "host": "edge-1",
        "request_id": "abc",
        "trace_id": "f" * 32,
    }


def test_text_is_as_people_read_it() -> None:
    with bound_contextvars(host="edge-1"):
        own = Lines("text").format(record())
        other = Lines("text").format(record("slow", name="asyncssh.x", level="WARNING"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info    edge-1: up", own)
    assert other.endswith("Z warning asyncssh.x: slow host=edge-1")
    with bound_contextvars(request_id="a b"):
        assert Lines("text").format(record()).endswith('edge-1: up request_id="a b"')


def test_colour_is_for_terminals() -> None:
    shown = Lines("text", colour=True).format(record(level="ERROR"))
    assert "\x1b[31merror" in shown
    assert "\x1b" not in Lines("text").format(record(level="ERROR"))


def test_an_exception_is_text_that_keeps_its_lines() -> None:
    found = as_json(failed("no room"))
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("\nValueError: no room")
    text = Lines("text").format(failed("no room"))
    first, *rest = text.split("\n")
    assert first.endswith("error   it failed")
    assert rest[0] == "  Traceback (most recent call last):"


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x9b2J", "\r", "\n", "\x7f", "\u2028", "\u202e"])
def test_control_characters_of_others_are_dots(evil: str) -> None:
    for form in FORMS:
        made = record("from the host: %s", f"a{evil}b")
        made.seen = f"c{evil}d"
        text = Lines(form).format(made)
        assert evil not in text
        if form == "json":
            assert json.loads(text)["event"] == f"from the host: a.{evil[1:]}b"
            assert json.loads(text)["seen"] == f"c.{evil[1:]}d"
    assert "\x1b" not in Lines("text").format(failed("\x1b[2J"))


def test_no_exceptions_text_passes_for_a_line_of_the_log() -> None:
    text = Lines("text").format(failed("x\n2026-01-01T00:00:00Z error   all hosts are gone"))
    assert not [line for line in text.split("\n")[1:] if not line.startswith("  ")]


def test_secrets_are_masked_in_each_part() -> None:
    made = failed("postgresql://u:hunter22@db/x")
    made.msg, made.args = "asked with %s", ("fleet_abcde23456_hunter22hunter22hunter22",)
    made.password = "hunter22"
    made.headers = {"authorization": "Bearer hunter22"}
    for form in FORMS:
        assert "hunter22" not in Lines(form).format(made)


def test_what_is_endless_is_cut_and_odd_text_is_json() -> None:
    found = as_json(record("x" * 100_000))
    assert len(found["event"]) == 8192
    assert as_json(record("file \udcff"))["event"] == "file ?"


def test_journald_takes_the_level_from_a_prefix_and_has_the_time() -> None:
    assert Lines("text", journal=True).format(record(level="WARNING")) == "<4>warning edge-1: up"
    text = Lines("text", journal=True).format(failed("no"))
    assert all(line.startswith("<3>") for line in text.split("\n"))
    assert Lines("json", journal=True).format(record()).startswith('<6>{"time":')


def test_lines_of_libraries_come_the_same_way() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines("json"))
    library = logging.getLogger("some.library")
    library.addHandler(handler)
    try:
        library.warning("odd: %s", 1, extra={"count": 2})
    finally:
        library.removeHandler(handler)
    found = json.loads(stream.getvalue())
    assert (found["logger"], found["event"], found["count"]) == ("some.library", "odd: 1", 2)


def test_a_secret_is_masked_also_where_a_long_text_is_cut() -> None:
    secret = "S3cr3t" * 6
    url = f"postgresql://fleet:{secret}@db"
    cut = len("postgresql://fleet:S3cr3tS3")
    found = as_json(record("=" * (MOST_EVENT - cut) + url))
    assert len(found["event"]) <= MOST_EVENT
    assert "S3cr3t" not in found["event"]
    message = f"{url} " + "=" * MOST_EXCEPTION
    made = failed(message)
    for left in range(len(url)):
        made.exc_info = (ValueError, ValueError(message[: MOST_EXCEPTION + left]), None)
        assert "S3cr3t" not in as_json(made)["exception"]
