"""A small Engine that works, but for one answer that no Engine gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tests.lab.proxy import Address
from tests.lab.rubbish import PING_OK, Rubbish, RubbishEngine, well_formed

CONTAINER = "a" * 64
PAST = 10**18
PAST_NANOS = (PAST + 1, PAST - 7200 * 10**9, PAST - 1, PAST - 1000, PAST - 1001, PAST, 0)
_HUGE = 10**400
_DIGITS = "9" * 5000
_NEVER = "9999-12-31T23:59:59-23:00"
_NOW = "2026-11-21T07:27:08.846901745Z"
_ODD = "\0\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}²"


class Lie(StrEnum):
    """What it lies about, each in an answer that is well-formed JSON (but for two)."""

    EVENT_NANOSECONDS = "an event in the year 31 690 708"
    EVENT_SECONDS = "an event at the last of all 64-bit seconds"
    EVENT_BEFORE_TIME = "an event before the first year"
    EVENT_FAR = "an event at the last of all 64-bit nanoseconds"
    EVENT_PAST = "events of before and of no time"
    EVENT_EXIT_CODES = "exit codes that are no numbers"
    EVENT_STRINGS = "an event of control characters and without a time"
    EVENT_BIG = "an event of almost a megabyte"
    EVENT_LINE = "an event without an end"
    EVENT_SURROGATE = "an event with half a character"
    API_DIGITS = "an API version of 5000 digits"
    ERROR_ESCAPES = "an error that paints the terminal"
    INFO_TIME = "a clock in a year that no calendar has"
    INFO_NUMBERS = "more memory and CPUs than there are numbers"
    INFO_NEGATIVE = "less than no memory"
    LIST_NAMES = "names that are numbers"
    LIST_MANY = "a hundred thousand containers"
    LIST_SAME = "one container a thousand times"
    LIST_ID = "a container with a very long id"
    LIST_PATH = "a container whose id leads elsewhere"
    LIST_NESTED = "a list nested deeply in what is not read"
    INSPECT_TIMES = "a container created in a year that no calendar has"
    INSPECT_PORTS = "ports that are no numbers"
    INSPECT_COMPOSE = "a Compose number of 5000 digits"
    INSPECT_NUMBERS = "an exit code beyond 64 bits"
    INSPECT_STRINGS = "control characters in every string"
    INSPECT_KEYS = "two hundred thousand labels"
    INSPECT_TWICE = "every key twice"
    INSPECT_OTHER = "another container than was asked for"
    STATS_HUGE = "counters of 400 digits"
    STATS_UNSIGNED = "counters at the end of unsigned 64 bits"
    STATS_NEGATIVE = "negative counters"
    STATS_FLOATS = "a counter that is infinite as a float"
    STATS_CPUS = "two hundred thousand CPUs"
    STATS_INTERFACES = "network counters whose sum is beyond 64 bits"
    STATS_TIMES = "samples of a year that no calendar has"


def _event(**fields: Any) -> bytes:
    told = {"Type": "container", "Action": "die", "Actor": {"ID": CONTAINER}, "timeNano": 1}
    return _line(json.dumps(told | fields).encode())


def _line(text: bytes) -> bytes:
    return b"%x\r\n%s\n\r\n" % (len(text) + 1, text)


def _died(*codes: str) -> bytes:
    actors = ({"ID": CONTAINER, "Attributes": {"exitCode": code}} for code in codes)
    return b"".join(_event(Actor=actor, timeNano=n + 1) for n, actor in enumerate(actors))


def _json(document: object) -> bytes:
    return well_formed(json.dumps(document).encode())


def _inspected(**fields: Any) -> bytes:
    state = {"Status": "running", "Running": True, "StartedAt": _NOW}
    return _json({"Id": CONTAINER, "Name": "/liar", "State": state} | fields)


def _listed(*ids: str) -> bytes:
    return _json([{"Id": id_, "Names": ["/liar"], "State": "running"} for id_ in ids])


def _sampled(number: object, **fields: Any) -> bytes:
    cpu = {"cpu_usage": {"total_usage": number}, "system_cpu_usage": number, "online_cpus": 2}
    memory = {"usage": number, "limit": number, "stats": {"inactive_file": 1}}
    return _json({"read": _NOW, "cpu_stats": cpu, "memory_stats": memory} | fields)


def _labelled(labels: Mapping[str, str]) -> bytes:
    return _inspected(Config={"Labels": dict(labels)})


_COMPOSE = "com.docker.compose"
_PORTS = {"²/tcp": None, f"{_DIGITS}/tcp": None, "80/tcp": [{"HostPort": "²"}], "": [], "-1": None}
_LIES: dict[Lie, tuple[str, bytes]] = {
    Lie.EVENT_NANOSECONDS: ("events", _event(timeNano=10**24)),
    Lie.EVENT_SECONDS: ("events", _event(time=2**63 - 1)),
    Lie.EVENT_BEFORE_TIME: ("events", _event(timeNano=-(10**20))),
    Lie.EVENT_FAR: ("events", _event(timeNano=2**63 - 1)),
    Lie.EVENT_PAST: ("events", b"".join(_event(timeNano=nano) for nano in PAST_NANOS)),
    Lie.EVENT_EXIT_CODES: ("events", _died("²", "--5", _DIGITS, "", "-", "1e5")),
    Lie.EVENT_STRINGS: ("events", _event(Action=_ODD, Actor={"ID": _ODD}, timeNano=0)),
    Lie.EVENT_BIG: ("events", _event(Actor={"ID": "b", "Attributes": {"x": "y" * 10**6}})),
    Lie.EVENT_LINE: ("events", b"200000\r\n" + b" " * 0x200000 + b"\r\n"),
    Lie.EVENT_SURROGATE: ("events", _event(Actor={"ID": "\ud800"})),
    Lie.API_DIGITS: ("_ping", well_formed(b"OK").replace(b"1.41", b"1." + b"9" * 5000)),
    Lie.ERROR_ESCAPES: (
        "info",
        well_formed(json.dumps({"message": f"\x1b]0;x\7{_ODD}"}).encode(), "500 No"),
    ),
    Lie.INFO_TIME: ("info", _json({"SystemTime": _NEVER, "MemTotal": 1 << 30})),
    Lie.INFO_NUMBERS: ("info", _json({"MemTotal": 10**30, "NCPU": 2**40})),
    Lie.INFO_NEGATIVE: ("info", _json({"MemTotal": -1})),
    Lie.LIST_NAMES: ("list", _json([{"Id": CONTAINER, "Names": [1, None]}])),
    Lie.LIST_MANY: ("list", _listed(*(f"{n:064x}" for n in range(100_000)))),
    Lie.LIST_SAME: ("list", _listed(*[CONTAINER] * 1000)),
    Lie.LIST_ID: ("list", _listed("a" * 100_000)),
    Lie.LIST_PATH: ("list", _listed("../../info?x=", "..", "a/b", _ODD)),
    Lie.LIST_NESTED: ("list", well_formed(b'[{"Id":"a","X":%s}]' % (b"[" * 9**5 + b"]" * 9**5))),
    Lie.INSPECT_TIMES: ("inspect", _inspected(Created=_NEVER)),
    Lie.INSPECT_PORTS: ("inspect", _inspected(NetworkSettings={"Ports": _PORTS})),
    Lie.INSPECT_COMPOSE: (
        "inspect",
        _labelled(
            {
                f"{_COMPOSE}.project": "p",
                f"{_COMPOSE}.service": "s",
                f"{_COMPOSE}.container-number": _DIGITS,
            }
        ),
    ),
    Lie.INSPECT_NUMBERS: ("inspect", _inspected(State={"ExitCode": _HUGE})),
    Lie.INSPECT_STRINGS: (
        "inspect",
        _inspected(Name=_ODD, Image=_ODD, Config={"Image": _ODD, "Labels": {_ODD: _ODD}}),
    ),
    Lie.INSPECT_KEYS: ("inspect", _labelled({str(n): "" for n in range(200_000)})),
    Lie.INSPECT_TWICE: (
        "inspect",
        well_formed(b'{"Id":"b","Id":"%s","Name":1,"Name":"/x"}' % CONTAINER.encode()),
    ),
    Lie.INSPECT_OTHER: ("inspect", _inspected(Id="b" * 64)),
    Lie.STATS_HUGE: ("stats", _sampled(_HUGE)),
    Lie.STATS_UNSIGNED: ("stats", _sampled(2**64 - 1)),
    Lie.STATS_NEGATIVE: ("stats", _sampled(-1)),
    Lie.STATS_FLOATS: ("stats", well_formed(b'{"read":"now","memory_stats":{"usage":1e400}}')),
    Lie.STATS_CPUS: (
        "stats",
        _sampled(1, cpu_stats={"cpu_usage": {"percpu_usage": [1] * 200_000}}),
    ),
    Lie.STATS_INTERFACES: (
        "stats",
        _sampled(1, networks={f"eth{n}": {"rx_bytes": 2**63 - 1} for n in range(9)}),
    ),
    Lie.STATS_TIMES: ("stats", _sampled(1, read=_NEVER)),
}


class LyingEngine(RubbishEngine):
    """Has one running container, and answers everything properly but for its lie.

    Attributes:
        told: How often it lied.
    """

    def __init__(self, lie: Lie, address: Address = ("127.0.0.1", 0)) -> None:
        self.lie = lie
        self.told = 0
        super().__init__(address, Rubbish.SERVER_ERROR)
        self.ping_well = True

    def _proper(self, path: str) -> bytes | None:
        kind = _kind(path)
        about, lie = _LIES[self.lie]
        if kind == about:
            self.told += 1
            return _stream(lie) if kind == "events" else lie
        match kind:
            case "list":
                return _listed(CONTAINER)
            case "inspect":
                return _inspected()
            case "stats":
                return _sampled(1)
            case "events":
                return _stream(b"")
        return super()._proper(path)


def _kind(path: str) -> str:
    *before, last = path.partition("?")[0].split("/")
    if last == "json":
        return "list" if before[-1] == "containers" else "inspect"
    return last


def _stream(events: bytes) -> bytes:
    return PING_OK + b"Transfer-Encoding: chunked\r\n\r\n" + events
