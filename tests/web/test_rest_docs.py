from __future__ import annotations

import re

import httpx

from tests.web.fleet_in_memory import FleetInMemory
from web.app import create_app
from web.parts import Admitting, Serving, Shown


async def test_the_page_is_whole_without_the_internet(client: httpx.AsyncClient) -> None:
    page = await client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|style=|onclick|<script>", page.text)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"/api/docs/docs.js", "/api/docs/docs.css", "/api/openapi.json"} <= set(addresses)
    for address in addresses:
        answer = await client.get(address)
        assert answer.status_code == 200, address
        again = await client.get(address, headers={"if-none-match": answer.headers.get("etag", "")})
        if address.startswith("/api/docs/"):
            assert again.status_code == 304
            assert again.headers["content-security-policy"] == policy, "a browser takes it over"
            assert "://" not in answer.text
    script = await client.get("/api/docs/docs.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "innerHTML" not in script.text
    assert "script-src" not in (await client.get("/api")).headers["content-security-policy"]


async def test_the_page_is_open_so_that_a_token_can_be_entered() -> None:
    app = create_app(Shown(FleetInMemory()), Admitting(token="right"), Serving(listen="0.0.0.0:0"))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's scope types
    async with httpx.AsyncClient(transport=transport, base_url="http://fleet.example") as client:
        assert (await client.get("/api/docs")).status_code == 200
        assert (await client.get("/api/docs/docs.js")).status_code == 200
        assert (await client.get("/api/openapi.json")).status_code == 401
