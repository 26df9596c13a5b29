from __future__ import annotations

import re
from pathlib import Path

import httpx

from web.problems import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def test_the_page_lists_every_problem_by_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|$", PAGE, re.MULTILINE)
    told = {
        (int(status), kind)
        for status, row in rows
        for kind in re.findall(r"`([a-z-]+)`", row.partition(":")[0])
    }
    assert {(status, kind) for kind, (status, _) in KINDS.items()} == told


async def test_the_page_names_every_path_of_routes(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/api/openapi.json")).json()["paths"]
    found = [path for path in paths if path.startswith("/api/revp/")]
    assert len(found) > 15
    for path in found:
        name = path.removeprefix("/api/revp/")
        assert re.search(rf"`(/api/revp/|POST /api/revp/)?{re.escape(name)}`", PAGE), path
