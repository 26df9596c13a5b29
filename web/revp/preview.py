"""What labels or a Compose file would make, before anything runs. Nothing is changed by it.

Only bodies of JSON or YAML are read: a form of another site cannot send one without asking first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import anyio
import msgspec
from anyio import to_thread
from litestar import post
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.response.base import ASGIResponse

from labels.facts import Place
from labels.model import Table
from labels.parsing.keys import Rules
from labels.preview.compose import Compose, ComposeError, read_compose
from labels.preview.previewing import alone, preview
from web.answers import json_answer
from web.documents import Document
from web.finding import check_host_filter
from web.gate import MAX_PREVIEW
from web.parameters import OneHost
from web.problems import Problem
from web.revp.bodies import content_type, read_body
from web.revp.previewing import ANYWHERE, describe_preview
from web.route_documents import PreviewDocument
from web.schema import answers
from web.sources import WebRequest, require_routing, sources

YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
JSON = "application/json"
SECONDS = 20.0  # for a turn
RETRY_AFTER = {"retry-after": "5"}
MOST_CONTAINERS = 1000


class PreviewedContainer(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One container to be previewed."""

    name: str
    labels: dict[str, str | int | float | bool]


class PreviewRequest(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be previewed, one of these; `compose` is the text of a Compose file."""

    labels: dict[str, str | int | float | bool] | None = None
    containers: tuple[PreviewedContainer, ...] | None = None
    compose: str | None = None


_decoder = msgspec.json.Decoder(PreviewRequest)
_TEXT = Schema(type=OpenAPIType.STRING)
_LABELS = Schema(type=OpenAPIType.OBJECT, additional_properties=_TEXT)
_CONTAINER = Schema(
    type=OpenAPIType.OBJECT,
    properties={"name": _TEXT, "labels": _LABELS},
    required=["name", "labels"],
)
_REQUEST = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "labels": _LABELS,
        "containers": Schema(type=OpenAPIType.ARRAY, items=_CONTAINER),
        "compose": _TEXT,
    },
    one_of=[Schema(required=[name]) for name in ("labels", "containers", "compose")],
    examples=[{"labels": {"snadboy.revp.80.domain": "shop.example.com"}}],
)


@dataclass
class _WithBody(Operation):
    """What the schema tells: the handler reads the body by itself."""

    def __post_init__(self) -> None:
        yaml = {kind: OpenAPIMediaType(schema=_TEXT) for kind in sorted(YAML)}
        json = {JSON: OpenAPIMediaType(schema=_REQUEST)}
        self.request_body = RequestBody(content=json | yaml, required=True)


@post(
    "/api/revp/preview",
    status_code=200,
    responses=answers(PreviewDocument, 408, 413, 415, 503),
    operation_class=_WithBody,
)
async def show_preview(request: WebRequest, host: OneHost = None) -> ASGIResponse:
    """What labels would make on a host, and where that meets the routes of now.

    JSON: `{"labels": {...}}`, `{"containers": [{"name": ..., "labels": {...}}]}` or
    `{"compose": "..."}`; or a Compose file as YAML.
    """
    routing = require_routing(request)
    check_host_filter(sources(request).model, [host] if host else ())
    place = (routing.place(host) if host else None) or ANYWHERE
    kind = content_type(request)
    if kind != JSON and kind not in YAML:
        known = f"{JSON} or {', '.join(sorted(YAML))}"
        raise Problem("unsupported-media-type", f"Send {known}; this is {kind or 'nothing'}.")
    turns = sources(request).previews
    with anyio.move_on_after(SECONDS):
        async with turns:  # so that only so many bodies are held
            body = await read_body(request, MAX_PREVIEW)
            work = partial(
                make_preview, body, kind == JSON, place, routing.rules(), routing.table()
            )
            return json_answer(await to_thread.run_sync(work))
    raise Problem("too-many-previews", "Others are previewed. Try again.", headers=RETRY_AFTER)


def make_preview(
    body: bytes, is_json: bool, place: Place, rules: Rules, live: Table
) -> PreviewDocument:
    """What a body of JSON, or a Compose file, would make; some seconds' work for a big one.

    Raises:
        Problem: It cannot be read, or is too much (400).
    """
    try:
        source = _source(body, is_json, place, rules)
    except (ComposeError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Problem("bad-body", f"The body cannot be read: {error}.") from error
    wanted = sum(len(service.containers) for service in source.services)
    if wanted > MOST_CONTAINERS:
        detail = f"Of {wanted} containers there is no preview, only of {MOST_CONTAINERS} at once."
        raise Problem("bad-body", detail)
    return describe_preview(preview(source, place, rules, now=datetime.now(UTC)), place, live)


def _source(body: bytes, is_json: bool, place: Place, rules: Rules) -> Compose:
    if not is_json:
        return read_compose(body.decode(), place.name, rules)
    asked = _decoder.decode(body)
    if [asked.labels, asked.containers, asked.compose].count(None) != 2:
        raise Problem("bad-body", "Send one of `labels`, `containers` and `compose`.")
    if asked.compose is not None:
        return read_compose(asked.compose, place.name, rules)
    containers = {one.name: one.labels for one in asked.containers or ()}
    if asked.labels is not None:
        containers = {"container": asked.labels}
    elif len(containers) < len(asked.containers or ()):
        raise Problem("bad-body", "Two containers have the same name.")
    services = (alone(name, _texts(own), place, rules) for name, own in containers.items())
    return Compose(project="", services=tuple(services))


def _texts(labels: Mapping[str, str | float | bool]) -> dict[str, str]:
    """Labels as Docker has them: what YAML and JSON have other types for is text, too."""
    return {
        key: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for key, value in labels.items()
    }
