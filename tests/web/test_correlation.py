from __future__ import annotations

import logging
import re

import httpx
import pytest
import trio

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.raw import exchange
from tests.web.reading import until
from web.app import create_app
from web.parts import Admitting, Serving, Shown
from web.request_head import Head
from web.request_id import chosen_id, request_id
from web.server import serve

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
UPGRADE = (
    b"GET /api/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"X-Request-Id: ws\r\n\r\n"
)
NEW = re.compile(r"[0-9a-f]{32}")


def _head(headers: dict[str, str]) -> Head:
    return Head((name.encode(), value.encode()) for name, value in headers.items())


@pytest.mark.parametrize(
    ("headers", "chosen"),
    [
        ({"x-request-id": "Deploy_7.web-1"}, "Deploy_7.web-1"),
        ({"x-request-id": "a" * 64}, "a" * 64),
        ({"traceparent": PARENT}, TRACE),
        ({"x-request-id": "mine", "traceparent": PARENT}, "mine"),
        ({"x-request-id": "a b", "traceparent": PARENT}, TRACE),
    ],
)
def test_an_id_of_the_client_is_taken(headers: dict[str, str], chosen: str) -> None:
    assert chosen_id(_head(headers)) == chosen


@pytest.mark.parametrize(
    "headers",
    [
        *({"x-request-id": each} for each in ("", "a" * 65, "a b", "a\tb", "<script>", "\x9b")),
        *({"traceparent": each} for each in ("00", PARENT.upper(), PARENT.replace("7b", "7"))),
        {"traceparent": PARENT.replace(TRACE, "0" * 32)},
        {"traceparent": PARENT.replace("00f067aa0ba902b7", "0" * 16)},
    ],
)
def test_an_odd_one_is_not(headers: dict[str, str]) -> None:
    found = [chosen_id(_head(headers)) for _ in "12"]
    assert all(NEW.fullmatch(each) for each in found)
    assert found[0] != found[1]


async def test_each_answer_has_its_id_also_where_it_is_a_problem(client: httpx.AsyncClient) -> None:
    for path, host in (("/health", "localhost"), ("/nope", "localhost"), ("/", "evil.example")):
        answer = await client.get(path, headers={"host": host, "x-request-id": "mine"})
        assert answer.headers.get_list("x-request-id") == ["mine"]
        if answer.status_code != 200:
            assert answer.json()["request_id"] == "mine"
    assert NEW.fullmatch((await client.get("/health")).headers["x-request-id"])
    assert request_id() is None


async def test_requests_of_one_connection_have_an_id_each(client: httpx.AsyncClient) -> None:
    ids = [(await client.get("/nope")).json()["request_id"] for _ in range(3)]
    assert len(set(ids)) == 3


async def test_a_websocket_has_one_too(address: str) -> None:
    accepted = await exchange(address, UPGRADE)
    assert b"101" in accepted.split(b"\r\n")[0]
    assert b"x-request-id: ws\r\n" in accepted


@pytest.mark.parametrize("at_info", [True, False])
async def test_a_request_is_a_line_of_the_log_without_its_path(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture, at_info: bool
) -> None:
    caplog.set_level(logging.DEBUG, "fleet.web.access")
    fleet = FleetInMemory()
    fleet.add_host("edge-1")
    app = create_app(Shown(fleet), Admitting(token="secret"), Serving(access_log=at_info))
    address: str = await nursery.start(serve, app, "127.0.0.1:0")
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        bearer = {"authorization": "Bearer secret"}
        size = len((await client.get("/api/hosts/edge-1?x=1", headers=bearer)).content)
        await client.get("/api/hosts/edge-1", headers=bearer)
        await client.get("/api/hosts/edge-1")

    def told_of() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.name == "fleet.web.access"]

    await until(lambda: len(told_of()) == 3)  # each comes once its answer is gone
    lines = told_of()
    assert {line.levelname for line in lines} == {"INFO" if at_info else "DEBUG"}
    messages = [line.getMessage() for line in lines]
    assert messages == ["GET /api/hosts/{host} 400", "GET /api/hosts/{host} 200", "GET none 401"]
    facts = lines[0].__dict__
    assert (facts["method"], facts["route"], facts["status"]) == ("GET", "/api/hosts/{host}", 400)
    assert (facts["client"], facts["bytes"]) == ("127.0.0.1", size)
    assert lines[2].__dict__["who"] == "nobody"
    kinds = [line.__dict__.get("problem") for line in lines]
    assert kinds == ["bad-parameter", None, "token-required"]
