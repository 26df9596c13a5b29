"""Real proxies are asked what they serve."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fleet.revp.drift import drift
from labels.drift.comparing import DriftError
from labels.model import Settings
from labels.render import caddy, haproxy
from tests.lab.cache import program
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import Lab, skip_or_fail
from tests.lab.ports import free_port
from tests.lab.reap import reap_part
from tests.lab.runs import log_tail, new_part, start
from tests.lab.waiting import wait_until
from tests.labels.render.tables import EXAMPLE, LATER, member, route, table

# Names of backends would be looked up, and HAProxy takes those out that are not found.
BY_ADDRESS = msgspec.structs.replace(
    EXAMPLE,
    routes=tuple(
        each
        for each in EXAMPLE.routes
        if all(one.endpoint is None or ".lan" not in one.endpoint.address for one in each.members)
    ),
)


async def test_a_running_caddy_is_compared(lab: Lab) -> None:
    server = lab.caddy()
    options = caddy.Options(
        https="off", listen="127.0.0.1", http_port=server.port, admin=server.admin
    )
    renderer = caddy.Renderer(options)
    server.run(renderer.render(EXAMPLE).body)
    url = f"http://{server.admin}"
    found = await drift("caddy", url, lambda: EXAMPLE)
    assert found.none
    assert (found.kind, found.url, found.revision) == ("caddy", url, EXAMPLE.revision)
    assert found.same == len(EXAMPLE.routes)
    found = await drift("caddy", url, lambda: LATER)
    assert [one.domain for one in found.different] == ["plain.example"]
    assert server.load(renderer.render(table(EXAMPLE.routes[0])).body).status == 200
    found = await drift("caddy", url, lambda: EXAMPLE)
    assert len(found.missing) == len(EXAMPLE.routes) - 1
    with pytest.raises(DriftError, match="answers 404") as caught:
        await drift("traefik", url, lambda: EXAMPLE)
    assert caught.value.code == "not-understood"


@pytest.fixture
def folder() -> Iterator[Path]:
    try:
        part = new_part("h")
        program("haproxy", "haproxy")
    except MissingPartError as error:
        skip_or_fail(str(error))
    yield part
    reap_part(part)


async def test_a_running_haproxy_is_compared(folder: Path) -> None:
    path = folder / "admin.sock"
    words = {"map": str(folder / "hosts.map"), "socket": str(path), "log": ""}
    listen = {"http": (f"127.0.0.1:{free_port()}",), "https": (f"127.0.0.1:{free_port()}",)}
    account = {"user": "", "group": ""}
    options = msgspec.convert({**words, **listen, **account}, haproxy.Options)
    renderer = haproxy.Renderer(options)
    wanted = table(
        *BY_ADDRESS.routes,
        route("tls.example", member("h/c", "fd00::7", 443), settings=Settings(scheme="https")),
    )
    (folder / "hosts.map").write_bytes(renderer.render_map(wanted).body)
    (folder / "haproxy.cfg").write_bytes(renderer.render(wanted).body)
    command: list[str | Path] = [program("haproxy", "haproxy"), "-db", "-f", folder / "haproxy.cfg"]
    process = start(command, folder)
    try:
        wait_until(lambda: _listens(path), f"HAProxy: {log_tail(folder)}", 30)
        url = f"unix://{path}"
        found = await drift("haproxy", url, lambda: wanted, [url])
        assert found.none, found
        assert found.same == len(wanted.routes)
        found = await drift("haproxy", url, lambda: LATER, [f"unix://{folder}"])
        assert [one.domain for one in found.different] == ["plain.example"]
        assert [one.domain for one in found.extra] == ["tls.example"]
        with pytest.raises(DriftError, match="list it"):
            await drift("haproxy", url, lambda: wanted)
        with pytest.raises(DriftError, match="not for HTTP"):
            await drift("caddy", url, lambda: wanted, [url])
    finally:
        process.kill()
        process.wait(10)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True
