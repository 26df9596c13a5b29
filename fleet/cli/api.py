"""The running fleet's API, as the commands read it: what the client says, in words for people."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, TypeVar, cast

from fleet.cli.errors import CommandError
from fleet.client.answers import Answer, read_answer
from fleet.client.asking import Ask, Body
from fleet.client.errors import (
    CertificateError,
    ClientError,
    ForeignAnswerError,
    NotAllowedError,
    ProblemError,
    UnreachableError,
)
from fleet.client.messages import Message, MessageReader
from fleet.client.settings import Settings, check_url
from web.documents import (
    ContainerDocument,
    ContainersDocument,
    EventsDocument,
    FleetDocument,
    HostDocument,
    HostsDocument,
)

if TYPE_CHECKING:
    from fleet.client.blocking import Connection

PAGE = 1000

T = TypeVar("T")
Query = Mapping[str, str | Sequence[str]]

_STREAM = "text/event-stream"

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
        pinned: Whether `trust` is the very certificate of the configuration.
    """

    url: str
    token: str = field(default="", repr=False)
    trust: SSLContext | None = None
    pinned: bool = False

    def fleet(self) -> FleetDocument:
        """The program itself; NotRunningError when what answers is no fleet."""
        with self._told(is_fleet=False):
            return self._connection.send(_ask("/api/fleet", FleetDocument))

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
        reader = MessageReader(last_id)
        ask = _ask(stream, bytes, query, accept=_STREAM)
        with self._told(), self._connection.listen(ask, last_id) as pieces:
            for piece in pieces:
                yield from reader.feed(piece)
        raise NotRunningError(f"{self.url} ended the stream")

    def read(self, path: str, kind: type[T], query: Query | None = None) -> T:
        """The document at a path; a list in the query repeats its parameter.

        Raises:
            RefusedError: The fleet answered with a problem.
            NotRunningError: It did not answer.
        """
        with self._told():
            return self._connection.send(_ask(path, kind, query))

    def post(self, path: str, kind: type[T], body: Body, query: Query | None = None) -> T:
        """The document that a path answers a body with.

        Raises:
            RefusedError: The fleet answered with a problem.
            NotRunningError: It did not answer.
        """
        with self._told():
            return self._connection.send(_ask(path, kind, query, body=body))

    def proxy_document(self, path: str, query: Query) -> ProxyDocument:
        """A whole document for a proxy.

        Raises:
            RefusedError: The fleet answered with a problem; in words of the command line.
            NotRunningError: It did not answer, or broke off.
            CommandError: Something else answered.
        """
        ask = _ask(path, bytes, query, accept="*/*")
        try:
            with self._told(is_fleet=False):
                answer = self._connection.exchange(ask, None)
                return _proxy_document(read_answer(ask, answer), answer)
        except RefusedError as error:
            raise error.of_option() from error

    @cached_property
    def _connection(self) -> Connection:
        """Made when something is asked: most of what it needs is slow to import."""
        try:
            check_url(self.url)
        except ValueError as error:
            told = f"{self.url!r} is no URL of a fleet"
            raise CommandError(told, "write it as http://HOST:PORT") from error
        # httpx would import a command line of its own, which takes longer than all the rest of it.
        # None has the import fail, for which it is prepared.
        cast("dict[str, Any]", sys.modules).setdefault("httpx._main", None)
        from fleet.client.blocking import Connection

        made = Connection(Settings(url=self.url, token=self.token, trust=self.trust))
        weakref.finalize(self, made.close)  # commands need not end what they asked with
        return made

    @contextmanager
    def _told(self, *, is_fleet: bool = True) -> Iterator[None]:
        """What the client says, for people.

        Args:
            is_fleet: Whether it is known that a fleet is asked: it may be of another version then.
        """
        try:
            yield
        except UnreachableError as error:
            raise NotRunningError(_unreachable(error)) from error
        except CertificateError as error:
            raise CommandError(str(error), self._certificate_hint(str(error))) from error
        except NotAllowedError as error:
            raise self._not_allowed(error.status, error.detail) from error
        except ProblemError as error:
            raise _refusal(error) from error
        except ForeignAnswerError as error:
            raise self._foreign(error, is_fleet) from error
        except ClientError as error:
            raise CommandError(f"{self.url}: {error}") from error

    def _certificate_hint(self, told: str) -> str:
        if "mismatch" in told:
            return "ask it by a name that its certificate has: --url https://NAME:PORT"
        if self.pinned:
            return (
                "it serves another than that of tls_cert_file: its log says whether the new one"
                " was refused; --ca or FLEET_CA name who signed the one that is served"
            )
        return "name its authority with --ca or FLEET_CA"

    def _not_allowed(self, status: int, detail: str = "") -> CommandError:
        told = f"{self.url} refuses: {detail or f'HTTP {status}'}"
        if status == HTTPStatus.FORBIDDEN:
            return CommandError(told, "set FLEET_TOKEN to a token of that role")
        if self.token:
            return CommandError(
                told, "`fleet token list --all` shows what became of the token in FLEET_TOKEN"
            )
        return CommandError(
            f"{self.url} wants a token", "set FLEET_TOKEN; `fleet token create NAME` makes one"
        )

    def _foreign(self, error: ForeignAnswerError, is_fleet: bool) -> CommandError:
        if error.status in (401, 403):
            return self._not_allowed(error.status)
        if not is_fleet:
            return NotRunningError(f"what answers at {self.url} is not a fleet: {error.reason}")
        return CommandError(
            f"{self.url}{error.path} answered what this version does not understand:"
            f" {error.reason}",
            "is the running fleet of the same version? restart it",
        )


def _ask(
    path: str,
    kind: type[T],
    query: Query | None = None,
    accept: str = "application/json",
    body: Body | None = None,
) -> Ask[T]:
    return Ask(
        template=path,
        kind=kind,
        within={},
        query=query or {},
        method="GET" if body is None else "POST",
        accept=accept,
        body=body,
    )


def _proxy_document(body: bytes, answer: Answer) -> ProxyDocument:
    try:
        revision = int(answer.headers["x-fleet-revision"])
        return ProxyDocument(body, revision, int(answer.headers["x-fleet-issues"]))
    except (KeyError, ValueError) as error:
        raise ForeignAnswerError("the document", "it has no revision", answer.status) from error


def _unreachable(error: UnreachableError) -> str:
    words = {
        "connect": f"nothing answers at {error.url}",
        "answer": f"{error.url} gave no answer",
        "body": f"{error.url} broke off",
    }
    return f"{words[error.stage]}: {error.reason}"


def _refusal(error: ProblemError) -> RefusedError:
    if error.kind == "unknown-path":
        path = error.problem.instance
        older = f"the running fleet has no {path}: it is older than this command"
        return RefusedError(older, error.kind)
    names = [f"{each.host}/{each.name}" for each in error.problem.candidates]
    return RefusedError(
        error.detail,
        error.kind,
        f"write {' or '.join(names)}" if names else "",
        parameter=error.problem.parameter or "",
        suggestions=error.suggestions,
    )
