"""What level a line of a log says it is of, read off its text. Pure, and on the hot path.

Only the beginning of a line is looked at: levels stand there, and a line may be a megabyte.
"""

from __future__ import annotations

import re
from typing import Literal

Level = Literal["debug", "info", "warning", "error", "critical"]

LOOKED_AT = 1024  # characters of a line of JSON or key=value, where the level may come late
HEAD = 120  # of any other line

_WORDS: dict[str, Level] = {
    "trace": "debug",
    "trc": "debug",
    "debug": "debug",
    "dbg": "debug",
    "verbose": "debug",
    "info": "info",
    "inf": "info",
    "information": "info",
    "notice": "info",
    "warn": "warning",
    "wrn": "warning",
    "warning": "warning",
    "error": "error",
    "err": "error",
    "severe": "error",
    "critical": "critical",
    "crit": "critical",
    "fatal": "critical",
    "ftl": "critical",
    "panic": "critical",
    "alert": "critical",
    "emerg": "critical",
    "emergency": "critical",
}
_SYSLOG: tuple[Level, ...] = (
    "critical", "critical", "critical", "error", "warning", "info", "info", "debug",
)  # fmt: skip
_KLOG: dict[str, Level] = {"I": "info", "W": "warning", "E": "error", "F": "critical"}

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_JSON = re.compile(
    r'"(?:level|lvl|severity|loglevel|log\.level|levelname)"\s*:\s*(?:"([A-Za-z]+)|"?(\d{1,3})\b)',
    re.IGNORECASE,
)
_PAIR = re.compile(r'\b(?:level|lvl|severity)="?([A-Za-z]+)', re.IGNORECASE)
_PRIORITY = re.compile(r"<(\d{1,3})>")
_KLOG_HEAD = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d")
# A word in brackets is a level however it is written, one in capitals wherever it is in the head,
# another one only at the beginning and before a colon. (Each begins with a set of characters, which
# makes the search for it several times as fast.)
_IN_BRACKETS = re.compile(r"[\[(<|]\s*([A-Za-z]{3,11})\s*[\])>|:]")
_IN_CAPITALS = re.compile(r"[A-Z](?<![\w/.-].)[A-Z]{2,10}(?![\w/.-])")
_LEADING = re.compile(r"\s*([A-Za-z]{3,11})\s*[:\[]")


def level_of(line: str) -> Level | None:
    """The level that a line tells; None where it tells none."""
    head = line[:HEAD]
    if "\x1b" in head:
        head = _ANSI.sub("", head)
    first = head[:1]
    if first == "{":
        return _of_json(line)
    if first == "<" and (priority := _PRIORITY.match(head)):
        return _SYSLOG[int(priority[1]) & 7]
    if first in _KLOG and (klog := _KLOG_HEAD.match(head)):
        return _KLOG[klog[1]]
    if "=" in head and (pair := _PAIR.search(line, 0, LOOKED_AT)):
        return _WORDS.get(pair[1].lower())
    return _of_words(head)


def _of_words(head: str) -> Level | None:
    for pattern in (_IN_BRACKETS, _IN_CAPITALS):
        for word in pattern.findall(head):
            if level := _WORDS.get(word.lower()):
                return level
    leading = _LEADING.match(head)
    return _WORDS.get(leading[1].lower()) if leading else None


def _of_json(line: str) -> Level | None:
    found = _JSON.search(line, 0, LOOKED_AT)
    if found is None:
        return None
    word, number = found.groups()
    return _WORDS.get(word.lower()) if word else _of_number(int(number))


def _of_number(number: int) -> Level:
    """Below 8 it is a syslog severity, else on the scale of pino and bunyan (30 is info)."""
    if number < len(_SYSLOG):
        return _SYSLOG[number]
    for bound, level in ((30, "debug"), (40, "info"), (50, "warning"), (60, "error")):
        if number < bound:
            return level  # type: ignore[return-value]  # these words are levels
    return "critical"
