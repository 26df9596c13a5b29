"""What the live streams send, besides hosts and containers as elsewhere in the API."""

from __future__ import annotations

from typing import Literal

from web.documents import Document, MachineDocument, StatsDocument

SubjectType = Literal["host", "container"]


class SampleDocument(Document, frozen=True, kw_only=True):
    """The newest sample: `stats` of a container, or `machine` of a host (without `id` and `name`).

    A host's `machine` is as in `/api/hosts`, a container's `stats` as in `/api/containers`.
    """

    type: SubjectType
    host: str
    id: str | None = None
    name: str | None = None
    stats: StatsDocument | None = None
    machine: MachineDocument | None = None


class RemovedDocument(Document, frozen=True, kw_only=True):
    """What is no longer there: a host, a container, or in the stream of samples that it runs."""

    type: SubjectType
    host: str
    id: str | None = None
    name: str | None = None


class SkippedDocument(Document, frozen=True, kw_only=True):
    """States that this client was not sent, as newer ones of the same hosts or containers follow.

    `skipped` None: not known how many of them its filter would have let through.
    """

    skipped: int | None
