"""The running fleet's API, as the commands read it.

Python's own HTTP client: importing httpx alone takes longer than a whole `fleet status`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ssl import SSLCertVerificationError, SSLContext
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from fleet.cli.errors import CommandError
from web.documents import (
    ContainerDocument,
    ContainersDocument,
    EventsDocument,
    FleetDocument,
    HostDocument,
    HostsDocument,
)
from web.problem_documents import (
    ProblemDocument,
)

CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 30.0
SILENCE_TIMEOUT = 60.0  # a stream without even a comment for this long is dead
PAGE = 1000
MAX_LINE = 4 * 1024 * 1024

T = TypeVar("T")
Query = Mapping[str, str | Sequence[str]]

_FILTERS = ("host", "label", "domain")  # of documents, by options of their own
_NEXT = {
    "history-unavailable": "`fleet status` tells how storage is",
    "unknown-container": "`fleet ps -a` lists those there are",
    "unknown-path": "restart the running fleet with this version",
}


class NotRunningError(CommandError):
    """Nothing that is a fleet answers at the address."""

    def __init__(self, message: str) -> None:
        """The next step is the same for all."""
        super().__init__(message, "start it with `fleet up`, or correct --url")


class RefusedError(CommandError):
    """The fleet answered with a problem.

    Attributes:
        kind: What is after `urn:fleet:problem:`, such as `history-unavailable`.
        parameter: The query parameter at fault, or an empty string.
        suggestions: What may have been meant.
    """

    def __init__(
        self,
        message: str,
        kind: str,
        hint: str = "",
        *,
        parameter: str = "",
        suggestions: tuple[str, ...] = (),
    ) -> None:
        """Without a hint the next step is that of the kind."""
        super().__init__(message, hint or _NEXT.get(kind, ""))
        self.kind = kind
        self.parameter = parameter
        self.suggestions = suggestions

    def of_option(self) -> RefusedError:
        """The same, speaking of the option of a document that became the query parameter."""
        name = self.parameter
        option = f"--{name}" if name in _FILTERS else f"--set {name}"
        message = self.message.replace(f"Query parameter `{name}`", option)
        return RefusedError(message, self.kind, self.hint)


@dataclass(frozen=True)
class Message:
    """One message of an event stream (text/event-stream)."""

    id: str
    event: str
    data: str


@dataclass(frozen=True)
class Body:
    """What is sent along with a question."""

    data: bytes
    media_type: str


@dataclass(frozen=True)
class ProxyDocument:
    """What a proxy is given: the table's revision, and how much of it could not be expressed."""

    body: bytes
    revision: int
    issues: int


@dataclass(frozen=True)
class Api:
    """A fleet's API.

    Attributes:
        url: `http://127.0.0.1:8080`, without a trailing slash.
        token: Sent as a bearer token when not empty.
        trust: Whose certificate is believed; None: the system's authorities decide.
    """

    url: str
    token: str = ""
    trust: SSLContext | None = None

    def fleet(self) -> FleetDocument:
        """The program itself; NotRunningError when what answers is no fleet."""
        try:
            return self._get("/api/fleet", FleetDocument)
        except _NotOursError as error:
            raise NotRunningError(f"what answers at {self.url} is not a fleet") from error

    def hosts(self) -> list[HostDocument]:
        """All hosts."""
        return list(self.read("/api/hosts", HostsDocument).hosts)

    def containers(self) -> list[ContainerDocument]:
        """All containers, page by page."""
        found: list[ContainerDocument] = []
        while True:
            query = {"offset": str(len(found)), "limit": str(PAGE)}
            answer = self.read("/api/containers", ContainersDocument, query)
            found += answer.containers
            if not answer.containers or len(found) >= answer.page.total:
                return found

    def events(self, query: dict[str, str]) -> EventsDocument:
        """Recent events, oldest first, by the API's own filters."""
        return self.read("/api/events", EventsDocument, query)

    def follow(
        self, query: Query, last_id: str, stream: str = "/api/stream/events"
    ) -> Iterator[Message]:
        """Follow a stream live from the message with `last_id` (empty: from now).

        Raises:
            NotRunningError: The stream ended.
        """
        headers = {"Accept": "text/event-stream"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        with self._open(_target(stream, query), headers) as connection:
            answer = self._answer(connection, stream)
            if connection.sock is not None:
                connection.sock.settimeout(SILENCE_TIMEOUT)
            try:
                yield from messages(answer)
            except (OSError, HTTPException) as error:
                raise NotRunningError(f"the stream from {self.url} ended: {error}") from error
        raise NotRunningError(f"{self.url} ended the stream")

    def read(self, path: str, kind: type[T], query: Query | None = None) -> T:
        """The document at a path; a list in the query repeats its parameter.

        Raises:
            RefusedError: The fleet answered with a problem.
            NotRunningError: It did not answer.
        """
        try:
            return self._get(path, kind, query)
        except _NotOursError as error:
            raise self._another_version(path, error) from error

    def post(self, path: str, kind: type[T], body: Body, query: Query | None = None) -> T:
        """The document that a path answers a body with.

        Raises:
            RefusedError: The fleet answered with a problem.
            NotRunningError: It did not answer.
        """
        try:
            return self._get(path, kind, query, body)
        except _NotOursError as error:
            raise self._another_version(path, error) from error

    def proxy_document(self, path: str, query: Query) -> ProxyDocument:
        """A whole document for a proxy.

        Raises:
            RefusedError: The fleet answered with a problem; in words of the command line.
            NotRunningError: It did not answer, or broke off.
            CommandError: Something else answered.
        """
        with self._open(_target(path, query), {}) as connection:
            try:
                answer = self._answer(connection, path)
                body = answer.read()
                revision = int(answer.headers["x-fleet-revision"])
                return ProxyDocument(body, revision, int(answer.headers["x-fleet-issues"]))
            except RefusedError as error:
                raise error.of_option() from error
            except (OSError, HTTPException) as error:
                raise NotRunningError(f"{self.url} broke off: {error}") from error
            except (_NotOursError, TypeError, ValueError) as error:
                raise NotRunningError(f"no fleet answers at {self.url}: {error}") from error

    def _another_version(self, path: str, error: _NotOursError) -> CommandError:
        return CommandError(
            f"{self.url}{path} answered what this version does not understand: {error}",
            "is the running fleet of the same version? restart it",
        )

    def _get(
        self, path: str, kind: type[T], query: Query | None = None, body: Body | None = None
    ) -> T:
        headers = {"Accept": "application/json"}
        with self._open(_target(path, query), headers, body) as connection:
            answer = self._answer(connection, path)
            try:
                return msgspec.json.decode(answer.read(), type=kind)
            except msgspec.MsgspecError as error:
                raise _NotOursError(str(error)) from error
            except (OSError, HTTPException) as error:
                raise NotRunningError(f"{self.url} broke off: {error}") from error

    def _open(self, path: str, headers: dict[str, str], body: Body | None = None) -> _Connection:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = _Connection(self.url, self.trust)
        try:
            connection.http.connect()
            if connection.sock is not None:
                connection.sock.settimeout(ANSWER_TIMEOUT)
            if body is None:
                connection.http.request("GET", connection.prefix + path, headers=headers)
            else:
                headers["Content-Type"] = body.media_type
                connection.http.request("POST", connection.prefix + path, body.data, headers)
        except SSLCertVerificationError as error:
            connection.http.close()
            raise CommandError(
                f"the certificate of {self.url} is not accepted: {error.verify_message}",
                "name its authority with --ca or FLEET_CA",
            ) from error
        except OSError as error:
            connection.http.close()
            raise NotRunningError(f"nothing answers at {self.url}: {error}") from error
        return connection

    def _answer(self, connection: _Connection, path: str) -> HTTPResponse:
        try:
            answer = connection.http.getresponse()
        except (OSError, HTTPException) as error:
            raise NotRunningError(f"{self.url} gave no answer: {error}") from error
        if answer.status in (401, 403):
            raise CommandError(
                f"{self.url} refuses: HTTP {answer.status}", "set FLEET_TOKEN to a valid token"
            )
        if answer.headers.get_content_type() == "application/problem+json":
            raise _refusal(answer)
        if answer.status != 200:
            raise _NotOursError(f"{path}: HTTP {answer.status} {answer.reason}")
        return answer


class _NotOursError(Exception):
    """The answer is none of the API's documents."""


class _Connection:
    """One connection, closed at the end of its block."""

    def __init__(self, url: str, trust: SSLContext | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandError(f"{url!r} is no URL of a fleet", "write it as http://HOST:PORT")
        host, port = parts.hostname, parts.port
        self.http: HTTPConnection = (
            HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT, context=trust)
            if parts.scheme == "https"
            else HTTPConnection(host, port, timeout=CONNECT_TIMEOUT)
        )
        self.prefix = parts.path.rstrip("/")

    @property
    def sock(self) -> socket.socket | None:
        return self.http.sock

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


def _target(path: str, query: Query | None) -> str:
    return path + ("?" + urlencode(query, doseq=True) if query else "")


def _refusal(answer: HTTPResponse) -> Exception:
    try:
        problem = msgspec.json.decode(answer.read(MAX_LINE), type=ProblemDocument)
    except msgspec.MsgspecError as error:
        return _NotOursError(str(error))
    kind = problem.type.rpartition(":")[2]
    if kind == "unknown-path":
        older = f"the running fleet has no {problem.instance}: it is older than this command"
        return RefusedError(older, kind)
    names = [f"{each.host}/{each.name}" for each in problem.candidates]
    return RefusedError(
        problem.detail,
        kind,
        f"write {' or '.join(names)}" if names else "",
        parameter=problem.parameter or "",
        suggestions=problem.suggestions,
    )


def messages(answer: HTTPResponse) -> Iterator[Message]:
    """Read a text/event-stream; comments (heartbeats) are passed over."""
    fields: dict[str, str] = {}
    data: list[str] = []
    while line := answer.readline(MAX_LINE):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            if data:
                yield Message(fields.get("id", ""), fields.get("event", ""), "\n".join(data))
            fields, data = {}, []
            continue
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name:
            fields[name] = value
