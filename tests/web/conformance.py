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
ENDLESS = ("follow", "wait", "revision")  # with these an answer takes as long as one likes


def bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """The document without what never ends, which has tests of its own."""
    paths = {path: methods for path, methods in schema["paths"].items() if "/stream" not in path}
    for methods in paths.values():
        for operation in methods.values():
            operation["parameters"] = [
                one for one in operation.get("parameters", ()) if one["name"] not in ENDLESS
            ]
    return {**schema, "paths": paths}


async def conform(
    url: str, folder: Path, phases: str, *words: str, authority: Path | None = None
) -> tuple[int, str]:
    """Ask with whatever the document allows and forbids; the code of the end, and what was said.

    Args:
        url: Of the server.
        folder: For the document.
        phases: Of schemathesis: examples, coverage, fuzzing.
        words: More options, such as which paths to leave out.
        authority: Of the server's certificate.
    """
    trusted = ssl.create_default_context(cafile=authority)
    async with httpx.AsyncClient(base_url=url, timeout=60, verify=trusted) as client:
        schema = (await client.get("/api/openapi.json")).json()
    if authority is not None:
        words += ("--tls-verify", str(authority))
    document = folder / "openapi.json"
    document.write_text(json.dumps(bounded(schema)))
    with trio.fail_after(SECONDS):
        done = await trio.run_process(
            [
                *(PROGRAM, "run", document, "--url", url, "--phases", phases),
                *("--checks", ",".join(CHECKS), "--generation-deterministic"),
                *("--request-timeout", "60", "--no-color"),
                *("--continue-on-failure", "--warnings", "off", *words),
            ],
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
            cwd=folder,
        )
    return done.returncode, done.stdout.decode()
