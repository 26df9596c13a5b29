"""Which answer a request gets: whole, later, or as a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from tests.lab.simulated.containers import Container
from tests.lab.simulated.counters import Sampler
from tests.lab.simulated.documents import Documents
from tests.lab.simulated.kinds import EngineKind, api_version
from tests.lab.simulated.machine import Machine
from tests.lab.simulated.model import EngineModel
from tests.lab.simulated.times import SECOND, nanoseconds

_WHOLE = 2048  # bytes; of a longer answer the Engine does not say the length
_FALSE = ("", "0", "no", "false", "none")
Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that is there: status line to body, without the date."""

    status: str
    head: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that comes at some time of the host's clock."""

    nano: int
    make: Callable[[], Whole]


@dataclass(frozen=True, slots=True)
class EventsFrom:
    """The events from some time on, until another."""

    since: int | None
    until: int | None


@dataclass(frozen=True, slots=True)
class LogOf:
    """The log of a container; ``streams`` are 1 and 2, as in its frames."""

    container: Container
    streams: tuple[int, ...]
    since: int
    until: int | None
    tail: int | None
    follow: bool
    timestamps: bool


@dataclass(frozen=True, slots=True)
class SamplesOf:
    """A sample of a container every second."""

    container: Container


Answer = Whole | Later | EventsFrom | LogOf | SamplesOf


class RefusedError(Exception):
    """The request cannot be answered; status line and message."""

    def __init__(self, status: str, body: bytes) -> None:
        self.status = status
        self.body = body
        super().__init__(status)


class Answers:
    """Answers the requests to one Engine."""

    def __init__(self, kind: EngineKind, machine: Machine, model: EngineModel) -> None:
        self.sampler = Sampler(kind, machine)
        self._kind = kind
        self._model = model
        self._documents = Documents(kind, machine, model)
        self._json = kind.head("json")
        self._pong = Whole("200 OK", kind.head("ping"), b"OK")
        self._missing = kind.recorded["missing_container"]
        self._missing_image = kind.recorded["missing_image"]

    def answer(self, target: str) -> Answer:
        """Answer a GET of a path with its query."""
        path, _, text = target.partition("?")
        query = _query(text) if text else {}
        try:
            return self._routed(self._unversioned(path).split("/")[1:], query)
        except RefusedError as refused:
            return Whole(refused.status, self._json, refused.body)
        except ValueError as error:  # of a number or a time in the query
            return Whole("400 Bad Request", self._json, _message(str(error)))

    def _unversioned(self, path: str) -> str:
        """Take the version off a path; Podman takes any."""
        if not path.startswith("/v1."):
            return path
        text, _, rest = path[2:].partition("/")
        asked = api_version(text)
        if not self._kind.is_podman:
            if asked > self._kind.api:
                most = ".".join(map(str, self._kind.api))
                said = f"client version {text} is too new. Maximum supported API version is {most}"
                raise RefusedError("400 Bad Request", _message(said))
            if asked < self._kind.oldest:
                least = ".".join(map(str, self._kind.oldest))
                said = f"client version {text} is too old. Minimum supported API version is {least}"
                said += ", please upgrade your client to a newer version"
                raise RefusedError("400 Bad Request", _message(said))
        return f"/{rest}"

    def _routed(self, parts: list[str], query: Query) -> Answer:
        match parts:
            case ["containers", "json"]:
                return self._listed(query)
            case ["containers", name, word]:
                return self._of_container(self._container(name), word, query)
            case ["images", *name, "json"] if name:
                return self._image(unquote("/".join(name)))
            case [word]:
                return self._of_host(word, query)
        return self._of_host("/".join(parts), query)

    def _of_host(self, word: str, query: Query) -> Answer:
        match word:
            case "_ping":
                return self._pong
            case "version":
                return self._told(self._documents.version())
            case "info":
                return self._told(self._documents.info())
            case "events":
                _no_filters(query)
                since, until = _time(query, "since"), _time(query, "until")
                return EventsFrom(since, until)
            case "images/json":
                return self._told(self._documents.images())
            case "networks":
                return self._told(self._documents.networks())
        raise RefusedError("404 Not Found", _message("page not found"))

    def _of_container(self, container: Container, word: str, query: Query) -> Answer:
        match word:
            case "json":
                return self._told(self._documents.inspected(container))
            case "stats":
                return self._sampled(container, query)
            case "logs":
                return self._log(container, query)
        raise RefusedError("404 Not Found", _message("page not found"))

    def _listed(self, query: Query) -> Whole:
        _no_filters(query)
        found = list(self._model.containers.values())
        if not _is_true(query, "all"):
            found = [one for one in found if one.has_processes or one.state == "restarting"]
        return self._told(self._documents.listed(found))

    def _container(self, name: str) -> Container:
        name = unquote(name)
        found = self._model.find(name)
        if found is None:
            raise RefusedError("404 Not Found", _about(self._missing, name))
        return found

    def _image(self, name: str) -> Whole:
        found = self._documents.image(name)
        if found is None:
            raise RefusedError("404 Not Found", _about(self._missing_image, name))
        return self._told(found)

    def _sampled(self, container: Container, query: Query) -> Answer:
        """One sample, at once or at the next second; two, a second apart; or a stream of them."""
        if _is_true(query, "stream", default=True):
            return SamplesOf(container)
        now = self._model.now()
        if not _is_true(query, "one-shot"):
            return Later(now + SECOND, lambda: self.double_sample(container))
        if self._kind.is_prompt or not container.has_processes:
            return self._single_sample(container)
        return Later((now // SECOND + 1) * SECOND, lambda: self._single_sample(container))

    def _single_sample(self, container: Container) -> Whole:
        if not container.has_processes:
            return Whole("200 OK", self._json, self.sampler.stub(container))
        return Whole("200 OK", self._json, self.sampler.single(container, self._model.now()))

    def double_sample(self, container: Container) -> Whole:
        """A sample with the CPU of a second ago."""
        now = self._model.now()
        before = max(now - SECOND, container.started)
        if not container.has_processes:
            return self._single_sample(container)
        return Whole("200 OK", self._json, self.sampler.double(container, now, before))

    def _log(self, container: Container, query: Query) -> LogOf:
        words = (("stdout", 1), ("stderr", 2))
        streams = tuple(number for word, number in words if _is_true(query, word))
        if not streams:
            said = _message("Bad parameters: you must choose at least one stream")
            raise RefusedError("400 Bad Request", said)
        tail = query.get("tail", "all")
        return LogOf(
            container,
            streams,
            since=_time(query, "since") or 0,
            until=_time(query, "until"),
            tail=int(tail) if tail.isdecimal() else None,
            follow=_is_true(query, "follow"),
            timestamps=_is_true(query, "timestamps"),
        )

    def _told(self, document: Any) -> Whole:
        return Whole("200 OK", self._json, msgspec.json.encode(document) + b"\n")


def whole(answer: Whole, date: bytes, *, with_body: bool = True) -> bytes:
    """Write an answer; a long one comes as a chunk, as the Engine's own do."""
    size = len(answer.body)
    head = b"HTTP/1.1 %s\r\n%s%s" % (answer.status.encode(), answer.head, date)
    if size <= _WHOLE or not with_body:
        body = answer.body if with_body else b""
        return b"%sContent-Length: %d\r\n\r\n%s" % (head, size, body)
    chunked = b"%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    return chunked % (head, size, answer.body)


def _message(said: str) -> bytes:
    return msgspec.json.encode({"message": said}) + b"\n"


def _about(recorded: str, name: str) -> bytes:
    """What was said of `absent`, said of another name."""
    return recorded.encode().replace(b"absent", msgspec.json.encode(name)[1:-1])


def _query(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split("&"))
    return {name: unquote(value) if "%" in value else value for name, _, value in pairs}


def _is_true(query: Query, name: str, *, default: bool = False) -> bool:
    return query[name].lower() not in _FALSE if name in query else default


def _time(query: Query, name: str) -> int | None:
    """A time; 0 and none at all are no bound."""
    return nanoseconds(query[name]) or None if query.get(name) else None


def _no_filters(query: Query) -> None:
    """Nobody is told more than was asked for: there are no filters here."""
    if msgspec.json.decode(query.get("filters") or "{}"):
        raise RefusedError("400 Bad Request", _message("a simulated Engine has no filters"))
