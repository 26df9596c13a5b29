"""What the API answers where it cannot answer otherwise."""

from __future__ import annotations

from web.documents import Document


class CandidateDocument(Document, frozen=True, kw_only=True):
    """One of several containers that a reference could mean."""

    host: str
    id: str
    name: str


class ProblemDocument(Document, frozen=True, kw_only=True, omit_defaults=True):
    """Every error (RFC 9457, `application/problem+json`).

    `detail` says what happened and the next step. `parameter` names the query parameter at fault,
    `suggestions` what may have been meant, `candidates` the containers of an ambiguous reference.
    `request_id` is in each line of the log about the request.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    parameter: str | None = None
    suggestions: tuple[str, ...] = ()
    candidates: tuple[CandidateDocument, ...] = ()
    request_id: str | None = None
