"""Holds a served API against its own OpenAPI document, with generated requests, also wrong ones."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import trio
from litestar.types import Receive, Scope, Send

from web import sse
from web.app import Application

SECONDS = 300  # on a loaded machine; it takes a tenth of it
PROGRAM = Path(sys.executable).parent / "schemathesis"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
)
ENDLESS = ("wait", "revision")  # with these an answer takes as long as one likes
# What the document cannot say: of these one or the other is given.
RATHER_LAST = ("start", "end")
ACCEPTANCE = "positive_data_acceptance"  # what fits the document is taken


class Brief(Application):
    """An application whose streams end with their first message, as fits who waits for the end."""

    def __init__(self, app: Application) -> None:
        super().__init__(app, app.streams, app.edge, app.http)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, of a stream the head, `retry`, and what is told first."""
        pieces: list[Any] | None = None  # None: it is no stream

        async def send_first(message: Any) -> None:
            nonlocal pieces
            if message["type"] == "http.response.start" and sse.is_stream(message["headers"]):
                pieces = []
            elif pieces is not None:
                pieces.append(message)
                if len(pieces) > 2:  # it goes on until it notices that it has ended
                    return
                message = {**message, "more_body": len(pieces) < 2}
            await send(message)
            if pieces is not None and len(pieces) == 2:
                answering.cancel()

        with trio.CancelScope() as answering:
            await super().__call__(scope, receive, send_first)


def bounded(schema: dict[str, Any], *, streams: bool) -> dict[str, Any]:
    """The document without what never ends."""
    paths = {
        path: methods
        for path, methods in schema["paths"].items()
        if streams or "/stream" not in path
    }
    endless = ENDLESS if streams else (*ENDLESS, "follow")
    for methods in paths.values():
        for operation in methods.values():
            known = operation.get("parameters", ())
            names = {one["name"] for one in known}
            left_out = (*endless, *(RATHER_LAST if "last" in names else ()))
            operation["parameters"] = [one for one in known if one["name"] not in left_out]
    return {**schema, "paths": paths}


def leave_out_compose(schema: dict[str, Any]) -> None:
    """A Compose file is any text to the document, and few texts are one."""
    content = schema["paths"]["/api/revp/preview"]["post"]["requestBody"]["content"]
    body = content["application/json"]["schema"]
    del body["properties"]["compose"]
    body["oneOf"].remove({"required": ["compose"]})
    for kind in set(content) - {"application/json"}:
        del content[kind]


async def conform(
    url: str,
    folder: Path,
    phases: str,
    *words: str,
    authority: Path | None = None,
    as_documented: bool = False,
) -> tuple[int, str]:
    """Ask with whatever the document allows and forbids; the code of the end, and what was said.

    Args:
        url: Of the server.
        folder: For the document.
        phases: Of schemathesis: examples, coverage, fuzzing.
        words: More options, such as which paths to leave out.
        authority: Of the server's certificate.
        as_documented: It is a `Brief` application with all that the document's examples name.
    """
    trusted = ssl.create_default_context(cafile=authority)
    async with httpx.AsyncClient(base_url=url, timeout=60, verify=trusted) as client:
        schema = (await client.get("/api/openapi.json")).json()
    if authority is not None:
        words += ("--tls-verify", str(authority))
    document = folder / "openapi.json"
    if as_documented:
        leave_out_compose(schema)
    document.write_text(json.dumps(bounded(schema, streams=as_documented)))
    checks = (*CHECKS, ACCEPTANCE) if as_documented else CHECKS
    with trio.fail_after(SECONDS):
        done = await trio.run_process(
            [
                *(PROGRAM, "run", document, "--url", url, "--phases", phases),
                *("--checks", ",".join(checks), "--generation-deterministic"),
                *("--request-timeout", "60", "--no-color"),
                *("--continue-on-failure", "--warnings", "off", *words),
            ],
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
            cwd=folder,
        )
    return done.returncode, done.stdout.decode()
