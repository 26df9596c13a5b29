"""From a log record to a line: the same facts as text for people, or as JSON for programs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import structlog

from fleet.own_log.masking import MASK, is_secret_key, masked

Form = Literal["text", "json"]
TraceId = Callable[[], str | None]
Facts = MutableMapping[str, Any]

MOST_EVENT = 8 * 1024  # characters
MOST_EXCEPTION = 32 * 1024
_LONGEST_SECRET = 4 * 1024  # where a text is cut, so much more is read, to see what is cut there
OWN = ("fleet", "web", "storage", "connectors", "config", "labels")

# Others' texts could drive a terminal, or look like a line of their own: such characters are dots.
_ORDERING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029, *_ORDERING), ".")
_IN_EXCEPTIONS = {code: dot for code, dot in _CONTROLS.items() if code not in (9, 10)}
_FIRST = ("time", "level", "logger", "event", "host", "request_id", "trace_id")
_COLOURS = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class Lines(structlog.stdlib.ProcessorFormatter):
    """Formats records of our loggers and of libraries' alike.

    Args:
        form: `text`, or `json` for one object on each line.
        colour: Whether text may be coloured.
        journal: Whether journald reads it, which has the time, and takes the level from a prefix.

    Attributes:
        trace_id: Of what runs now, where it is traced.
    """

    def __init__(
        self,
        form: Form,
        *,
        colour: bool = False,
        journal: bool = False,
    ) -> None:
        self.trace_id: TraceId | None = None
        text = _AsText(colour=colour, timed=not journal)
        last: list[structlog.typing.Processor] = [_as_json if form == "json" else text]
        if journal:
            last.append(_for_journal)
        super().__init__(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.ExtraAdder(),
                _of_record,
                self._traced,
                structlog.processors.format_exc_info,
                _harmless,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )

    def _traced(self, _logger: object, _method: str, facts: Facts) -> Facts:
        if self.trace_id is not None and (trace_id := self.trace_id()) is not None:
            facts["trace_id"] = trace_id
        return facts


def _of_record(_logger: object, _method: str, facts: Facts) -> Facts:
    record: logging.LogRecord = facts["_record"]
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    facts["time"] = time.replace("+00:00", "Z")
    facts["level"] = record.levelname.lower()
    facts["logger"] = record.name
    return facts


def _harmless(_logger: object, _method: str, facts: Facts) -> Facts:
    """Nothing secret, nothing that drives a terminal, nothing endless."""
    for key, value in facts.items():
        if key == "exception":
            shown = masked(value[-MOST_EXCEPTION - _LONGEST_SECRET :])[-MOST_EXCEPTION:]
            facts[key] = shown.translate(_IN_EXCEPTIONS)
        elif is_secret_key(key):
            facts[key] = MASK
        elif value is not None and not isinstance(value, bool | int | float) and key[0] != "_":
            shown = masked(str(value)[: MOST_EVENT + _LONGEST_SECRET])[:MOST_EVENT]
            facts[key] = shown.translate(_CONTROLS)
    return facts


def _ordered(facts: Mapping[str, Any]) -> dict[str, Any]:
    first = {key: facts[key] for key in _FIRST if key in facts}
    return first | {key: value for key, value in facts.items() if value is not None}


def _as_json(_logger: object, _method: str, facts: Facts) -> str:
    # Half a surrogate pair, as of a file's name that is not UTF-8, is no JSON.
    fine = {
        key: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for key, value in _ordered(facts).items()
    }
    return msgspec.json.encode(fine).decode()


class _AsText:
    """Time, level, message, and what else is known of it; a traceback keeps its lines."""

    def __init__(self, *, colour: bool, timed: bool) -> None:
        self._colour = colour
        self._timed = timed

    def __call__(self, _logger: object, _method: str, facts: Facts) -> str:
        known = _ordered(facts)
        time, level, logger = (known.pop(key) for key in ("time", "level", "logger"))
        event, exception = str(known.pop("event")), known.pop("exception", "")
        if logger.partition(".")[0] not in OWN:
            event = f"{logger}: {event}"
        if event.startswith(f"{known.get('host')}:"):
            del known["host"]  # the message says it
        more = "".join(f" {key}={_word(value)}" for key, value in known.items())
        text = f"{self._painted(level, f'{level:<7}')} {event}{self._painted('debug', more)}"
        if self._timed:
            text = f"{time[:19]}Z {text}"
        # Indented, so that no line of an exception's own text looks like one of the log.
        return text + "".join(f"\n  {line}" for line in exception.split("\n") if exception)

    def _painted(self, level: str, text: str) -> str:
        code = _COLOURS.get(level)
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code and text else text


def _word(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text or not text else text


def _for_journal(_logger: object, method: str, text: Any) -> str:
    """Each line with its priority in front: see sd-daemon(3)."""
    mark = f"<{_PRIORITIES.get(method, 6)}>"
    return "\n".join(mark + line for line in text.split("\n"))
