"""One whole answer: its tag, and the forms in which it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from web.rest.encodings import SMALLEST, Coding, compress, is_text

Headers = list[tuple[bytes, bytes]]

_OWN = frozenset({b"content-length", b"etag", b"vary"})  # written for each form
_OF_BODY = frozenset({b"content-type", b"content-encoding", b"content-language"})
_MARKS: dict[Coding | None, str] = {None: "", "gzip": "-gzip", "zstd": "-zstd"}
_CACHED = (b"cache-control", b"private, no-cache")  # may be kept, but is asked for every time


class Form(NamedTuple):
    """Head and body as they are sent."""

    headers: Headers
    body: bytes


class Answer:
    """An answer with its whole body.

    The tag is of the plain body; that of a form tells its encoding too, as its bytes are others.

    Args:
        status: The HTTP status code.
        headers: As the handler gave them.
        body: The plain body.
        tagged: Whether it gets a tag, so that who has it is not sent it again.
    """

    def __init__(
        self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, *, tagged: bool
    ) -> None:
        own = list(headers)
        given = dict(own)  # of those that may stand twice none is looked at
        self.status = status
        self.body = body
        self.tag = _tag(body) if tagged else None
        self.compresses = (
            len(body) >= SMALLEST
            and b"content-encoding" not in given
            and is_text(given.get(b"content-type", b"").decode("latin-1"))
        )
        self._headers = [(name, value) for name, value in own if name not in _OWN]
        if tagged and b"cache-control" not in given:
            self._headers.append(_CACHED)
        vary = [given[b"vary"]] if b"vary" in given else []
        vary += [b"accept-encoding"] if self.compresses else []
        if vary:
            self._headers.append((b"vary", b", ".join(vary)))
        self._forms: dict[Coding | None, Form] = {}

    @property
    def size(self) -> int:
        """Bytes of the body in all forms made so far."""
        return len(self.body) + sum(
            len(form.body) for coding, form in self._forms.items() if coding is not None
        )

    def known(self, if_none_match: str) -> bool:
        """Whether the client has it in any form, by its `If-None-Match` header."""
        if self.tag is None:
            return False
        held = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
        return held == ["*"] or any(f'"{self.tag}{mark}"' in held for mark in _MARKS.values())

    def unchanged(self, coding: Coding | None) -> Headers:
        """The head of a 304, in place of this form."""
        # A policy is told: what a cache holds takes over the headers that a 304 has.
        told = [header for header in self._headers if header[0] not in _OF_BODY]
        return [*told, *self._etag(coding)]

    def form(self, coding: Coding | None) -> Form | None:
        """As it is sent in this encoding; None while nobody has made that."""
        if coding is None and None not in self._forms:
            self._keep(None, self.body)
        return self._forms.get(coding)

    def made(self, coding: Coding) -> Form:
        """As `form`, made now if need be; may be called from a thread."""
        return self._forms.get(coding) or self._keep(coding, compress(self.body, coding))

    def _keep(self, coding: Coding | None, body: bytes) -> Form:
        headers = [*self._headers, *self._etag(coding)]
        if coding is not None:
            headers.append((b"content-encoding", coding.encode()))
        headers.append((b"content-length", str(len(body)).encode()))
        form = self._forms[coding] = Form(headers, body)
        return form

    def _etag(self, coding: Coding | None) -> Sequence[tuple[bytes, bytes]]:
        return () if self.tag is None else [(b"etag", f'"{self.tag}{_MARKS[coding]}"'.encode())]


def _tag(body: bytes) -> str:
    """Equal bodies have equal tags, also over restarts; machines have an instruction for this."""
    return sha256(body).hexdigest()[:24]
