"""JSON answers, encoded straight from the documents."""

from __future__ import annotations

import msgspec
from litestar.response.base import ASGIResponse

from web.documents import Document

_encoder = msgspec.json.Encoder()


def json_answer(document: Document, status: int = 200) -> ASGIResponse:
    """The document as `application/json`.

    An `ASGIResponse` skips Litestar's serialisation layers; schemas are declared on the handlers.
    """
    return ASGIResponse(
        body=_encoder.encode(document), status_code=status, media_type="application/json"
    )
