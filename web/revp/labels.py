"""The labels that are understood."""

from __future__ import annotations

from litestar import get
from litestar.response.base import ASGIResponse

from labels.parsing.keys import KEYS, LabelKey, Rules
from web.answers import json_answer
from web.label_documents import LabelDocument, LabelsDocument
from web.rest.answering import KEPT
from web.schema import answers
from web.sources import WebRequest, require_routing


@get("/api/revp/labels", responses=answers(LabelsDocument, 503), opt={KEPT: "routes"})
async def list_labels(request: WebRequest) -> ASGIResponse:
    """All labels that are understood, in every grammar, with their defaults as configured."""
    rules = require_routing(request).rules()
    document = LabelsDocument(
        prefix=rules.prefix, labels=tuple(_describe(key, rules) for key in KEYS)
    )
    return json_answer(document)


def _describe(key: LabelKey, rules: Rules) -> LabelDocument:
    settled = {"https": rules.https, "redirect-https": rules.redirect_https}
    default = str(settled[key.name]).lower() if key.name in settled else key.default
    return LabelDocument(
        name=key.name,
        aliases=key.aliases,
        default=default,
        values=key.values,
        meaning=key.meaning,
        flat=key.flat,
        per_port=key.per_port,
        if_bad=key.if_bad,
        grammars={str(grammar): spelled for grammar, spelled in key.grammars.items()},
    )
