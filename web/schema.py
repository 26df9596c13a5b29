"""The OpenAPI document: JSON and YAML only, so that no page loads anything from elsewhere."""

from __future__ import annotations

from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin

from web.documents import (
    Document,
)
from web.problem_documents import (
    ProblemDocument,
)
from web.problems import MEDIA_TYPE


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
        path="/api",
        render_plugins=[
            JsonRenderPlugin(path="/openapi.json"),
            YamlRenderPlugin(path="/openapi.yaml"),
        ],
        use_handler_docstrings=True,
    )
