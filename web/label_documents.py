"""What the API answers about labels: the published documents, as in `web.documents`."""

from __future__ import annotations

from web.documents import Document


class LabelDocument(Document, frozen=True, kw_only=True):
    """One supported label: `PREFIX.NAME` for the container, `PREFIX.PORT.NAME` for one port of it.

    `default` is what holds without it, `values` what it may be, in words; `headers.NAME` stands for
    any header. `if_bad` is what becomes of a value that cannot be used: `default` (that holds),
    `drop` (the routes are dropped), `leave out` (this part is). `grammars`: its spelling there.
    """

    name: str
    aliases: tuple[str, ...]
    default: str
    values: str
    meaning: str
    flat: bool
    per_port: bool
    if_bad: str
    grammars: dict[str, str]


class LabelsDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/labels`: all supported labels, and the prefix of their keys."""

    prefix: str
    labels: tuple[LabelDocument, ...]
