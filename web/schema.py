"""The OpenAPI document: JSON and YAML only, so that no page loads anything from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import yaml
from litestar import Request, Router
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.types import Method

from web.access.guard import open_paths
from web.documents import (
    Document,
)
from web.problem_documents import (
    ProblemDocument,
)
from web.problems import MEDIA_TYPE
from web.rest.openapi import finished


def answers(document: type[Document], *statuses: int) -> dict[int, ResponseSpec]:
    """What a handler answers: the document, and problems by status (400 always)."""
    answer = ResponseSpec(document, description="The answer", generate_examples=False)
    return {200: answer, **problems(400, *statuses)}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The problems that a handler answers, by status."""
    return {
        status: ResponseSpec(
            ProblemDocument,
            description="A problem",
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status in statuses
    }


def openapi_config(version: str) -> OpenAPIConfig:
    """`/api/openapi.json` and `/api/openapi.yaml`."""
    return OpenAPIConfig(
        title="fleet",
        version=version,
        description="Many Docker hosts: their state, health, events and stats. Grows by addition.",
        openapi_router=Router(
            "/api", route_handlers=[], include_in_schema=False, before_request=_only_schemas
        ),
        render_plugins=[
            _Rendered(_json, path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON),
            _Rendered(_yaml, path="/openapi.yaml", media_type=OpenAPIMediaType.OPENAPI_YAML),
        ],
        operation_id_creator=_operation_id,
        use_handler_docstrings=True,
    )


def _only_schemas(request: Request[Any, Any, Any]) -> None:
    # litestar answers any other name below /api with a page of its own, in HTML.
    if "path" in request.path_params:
        raise NotFoundException


class _Rendered(OpenAPIRenderPlugin):
    """The finished schema as one kind of text, made once."""

    def __init__(self, write: Callable[[Any], bytes], **words: Any) -> None:
        super().__init__(**words)
        self._write = write
        self._made: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The text."""
        if self._made is None:
            plain = msgspec.json.decode(self.render_json(request, openapi_schema))
            self._made = self._write(finished(plain, open_paths(request.app)))
        return self._made


def _json(schema: Any) -> bytes:
    return msgspec.json.encode(schema)


def _yaml(schema: Any) -> bytes:
    # The one in C takes a tenth of the time.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(schema, Dumper=dumper, sort_keys=False, encoding="utf-8")


def _operation_id(handler: HTTPRouteHandler, _method: Method, _path: list[Any]) -> str:
    """The handler's name, as clients write names: `listContainers`."""
    first, *rest = handler.handler_name.split(".")[-1].split("_")
    return first + "".join(map(str.title, rest))
