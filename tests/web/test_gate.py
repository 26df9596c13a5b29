from __future__ import annotations

import httpx
import pytest
import trio

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.raw import exchange
from web.app import create_app
from web.gate import host_of
from web.parts import Admitting, Serving, Shown
from web.server import serve


@pytest.mark.parametrize("name", ["localhost:9", "127.0.0.1", "[::1]:8080", "LOCALHOST"])
async def test_the_machines_own_names_are_answered(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get("/health", headers={"host": name})).status_code == 200


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "localhost@evil", ""])
async def test_other_names_are_refused_on_loopback(client: httpx.AsyncClient, name: str) -> None:
    for path in ("/health", "/nope"):
        answer = await client.get(path, headers={"host": name})
        assert answer.status_code == 421
        assert answer.json()["type"] == "urn:fleet:problem:wrong-host-header"


async def test_a_listen_address_is_answered_by_its_own_name(nursery: trio.Nursery) -> None:
    app = create_app(Shown(FleetInMemory()), serving=Serving(listen="127.0.0.2:0"))
    address: str = await nursery.start(serve, app, "127.0.0.2:0")
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://{address}/health")).status_code == 200


async def test_reads_need_the_token_where_one_is_set(nursery: trio.Nursery) -> None:
    app = create_app(Shown(FleetInMemory()), Admitting(token="right"), Serving(listen="0.0.0.0:0"))
    address: str = await nursery.start(serve, app, "127.0.0.1:0")
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        for header in ("", "right", "Bearer wrong", "Bearer", "Basic right", "Bearer rïght"):
            for path in ("/api/hosts", "/", "/nope", "/ready"):
                answer = await client.get(path, headers={b"authorization": header.encode()})
                assert answer.status_code == 401, (header, path)
                assert answer.headers["www-authenticate"].startswith("Bearer")
        right = {"authorization": "bearer right", "host": "any.example"}
        assert (await client.get("/api/hosts", headers=right)).status_code == 200
        assert (await client.get("/health")).status_code == 200


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/", "/api/hosts", "/nope"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == (
            "private, no-cache" if "etag" in headers else "no-store"
        )
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


async def test_other_methods_are_refused_and_head_has_no_body(client: httpx.AsyncClient) -> None:
    for method in ("POST", "DELETE", "PATCH"):
        answer = await client.request(method, "/api/hosts")
        assert answer.status_code == 405
        assert "GET" in answer.headers["allow"]
        assert answer.json()["type"] == "urn:fleet:problem:method-not-allowed"
    head = await client.head("/api/hosts")
    assert (head.status_code, head.content) == (200, b"")
    for stream in ("/api/stream/events", "/api/containers/one/web/logs?follow=true"):
        assert (await client.head(stream)).status_code == 405


async def test_bodies_are_refused_and_leave_no_connection_behind(address: str) -> None:
    big = b"POST /api/hosts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"
    assert b" 413 " in await exchange(address, big + b"x" * 1_000_000)
    chunked = b"POST /api/hosts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in await exchange(address, chunked + b"1\r\nx\r\n" * 10_000)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET /%ff%00/../%2e%2e HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/hosts?%ff=%fe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish rubbish rubbish rubbish",
    ],
)
async def test_rubbish_is_refused_and_the_server_lives_on(
    address: str, client: httpx.AsyncClient, request_bytes: bytes
) -> None:
    answer = await exchange(address, request_bytes)
    assert b" 200" not in answer.partition(b"\r\n")[0]
    assert (await client.get("/health")).status_code == 200


def test_the_name_of_a_host_header() -> None:
    assert host_of("Localhost.:80") == "localhost"
    assert host_of("[::1]:80") == "::1"
    assert host_of("") == ""
