from __future__ import annotations

import zlib

import httpx
import msgspec
import pytest
import trio
import zstandard

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.access.model import Access, Refusal
from web.access.static import StaticAuthority
from web.app import create_app
from web.parts import Admitting, Shown
from web.rest.answer import Answer
from web.rest.encodings import choose_coding
from web.rest.kept import Entry, Kept


def many(fleet: FleetInMemory, count: int = 200) -> None:
    for number in range(count):
        fleet.add_container("one", f"app-{number}")


async def raw(client: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The answer and its bytes as they were sent."""
    sent = {"accept-encoding": "identity"} | {k.replace("_", "-"): v for k, v in headers.items()}
    async with client.stream("GET", path, headers=sent) as answer:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip;q=0.9", "gzip"),
        ("zstd;q=0, *;q=0.2", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0.3, identity;q=0.7", None),
        ("gzip;q=0", None),
        ("br, gzip;q=nonsense", None),
        ("GZIP", "gzip"),
    ],
)
def test_the_best_encoding_that_is_taken(header: str, coding: str | None) -> None:
    assert choose_coding(header) == coding


async def test_answers_are_compressed_as_the_client_likes(
    client: httpx.AsyncClient, fleet: FleetInMemory
) -> None:
    many(fleet)
    path = "/api/containers?limit=1000"
    plain, body = await raw(client, path)
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "accept-encoding"
    zipped, packed = await raw(client, path, accept_encoding="gzip")
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) == len(packed) < len(body) / 5
    assert zlib.decompress(packed, 31) == body
    squeezed, packed = await raw(client, path, accept_encoding="gzip;q=0.5, zstd")
    assert squeezed.headers["content-encoding"] == "zstd"
    assert zstandard.ZstdDecompressor().decompress(packed) == body
    assert len({one.headers["etag"] for one in (plain, zipped, squeezed)}) == 3
    small, _ = await raw(client, "/health", accept_encoding="gzip")
    assert "content-encoding" not in small.headers
    assert "vary" not in small.headers


async def test_who_has_an_answer_is_not_sent_it_again(
    client: httpx.AsyncClient, fleet: FleetInMemory
) -> None:
    many(fleet)
    for path in ("/api/hosts", "/api/fleet", "/api/containers/one/web", "/api/containers"):
        for coding in ("identity", "gzip", "zstd"):
            first, _ = await raw(client, path, accept_encoding=coding)
            tag = first.headers["etag"]
            assert first.headers["cache-control"] == "private, no-cache"
            for held in (tag, f'W/{tag}, "other"', "*"):
                again, body = await raw(client, path, if_none_match=held)
                assert (again.status_code, body) == (304, b"")
                assert again.headers["etag"].split("-")[0].strip('"') == tag.split("-")[0].strip(
                    '"'
                )
            other, _ = await raw(client, path, if_none_match='"other"')
            assert other.status_code == 200
    before = (await client.get("/api/hosts")).headers["etag"]
    fleet.add_host("three")
    after = await client.get("/api/hosts", headers={"if-none-match": before})
    assert after.status_code == 200


async def test_problems_streams_and_metrics_have_no_tag(client: httpx.AsyncClient) -> None:
    for path in ("/api/hosts/none", "/metrics", "/"):
        answer, _ = await raw(client, path, if_none_match="*")
        assert answer.status_code in (200, 404)
        assert "etag" not in answer.headers
    with trio.fail_after(20):
        async with client.stream("GET", "/api/stream/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert "etag" not in answer.headers
            assert "content-encoding" not in answer.headers


async def test_an_answer_is_kept_until_something_changes(
    client: httpx.AsyncClient, fleet: FleetInMemory
) -> None:
    fleet.still = 1
    first = await client.get("/api/containers")
    fleet.add_container("one", "new")  # nobody says so
    again = await client.get("/api/containers")
    assert again.content == first.content
    assert again.headers.items() >= {("etag", first.headers["etag"])}
    assert len((await client.get("/api/containers?limit=50")).json()["containers"]) == 4
    fleet.still = 2
    assert len((await client.get("/api/containers")).json()["containers"]) == 4
    counted = (await client.get("/metrics")).text
    assert (
        'fleet_http_requests_total{method="GET",route="/api/containers",status="200"} 4' in counted
    )


async def test_documents_of_proxies_are_kept_by_the_address_that_was_asked(
    client: httpx.AsyncClient, routes: RoutesInMemory
) -> None:
    routes.add_host("one")
    routes.put("one", "web", "a.example.com")
    first = await client.get("/api/revp/traefik")
    assert (
        await client.get("/api/revp/traefik", headers={"if-none-match": "*"})
    ).status_code == 200
    assert (await client.get("/api/revp/traefik")).content == first.content
    routes.put("one", "other", "b.example.com")
    assert b"b.example.com" in (await client.get("/api/revp/traefik")).content


class BySite(StaticAuthority):
    """Whose token is the name of a site sees its hosts; `all` sees all of them."""

    async def by_token(self, token: str) -> Access | Refusal:
        scope = () if token == "all" else (("site", token),)
        return Access(kind="token", id=token, name=token, scope=scope)


async def test_what_is_kept_for_one_is_not_given_to_who_sees_less(
    fleet: FleetInMemory, routes: RoutesInMemory
) -> None:
    for number, site in enumerate(("fra", "oslo")):
        host = fleet.add_host(site)
        fleet.known_hosts[site] = msgspec.structs.replace(host, labels={"site": site})
        fleet.add_container(site, f"web-{site}")
        routes.add_host(site, site=site)
        routes.put(site, f"web-{site}", f"{site}.example.com", port=8080 + number)
    fleet.still = 1
    app = create_app(Shown(fleet, routing=routes), Admitting(authority=BySite(None, None)))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's scope types
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/api/containers", "/api/hosts", "/api/revp/routes", "/api/revp/traefik"):
            for _ in range(2):
                for token, sites in (
                    ("all", {"fra", "oslo"}),
                    ("fra", {"fra"}),
                    ("oslo", {"oslo"}),
                ):
                    headers = {"authorization": f"Bearer {token}"}
                    text = (await client.get(path, headers=headers)).text
                    assert {site for site in ("fra", "oslo") if site in text} == sites, path
            assert (await client.get(path)).status_code == 401


def test_what_is_kept_is_bounded() -> None:
    kept = Kept(most=3, most_bytes=1000)
    for number in range(5):
        answer = Answer(200, [(b"content-type", b"application/json")], b"x" * 100, tagged=True)
        kept.put(number, Entry(answer, "/", "live", 1))
    assert (len(kept), kept.bytes) == (3, 300)
    assert kept.find(0, {"live": 1}) is None
    assert kept.find(4, {"live": 1}) is not None
    assert kept.find(3, {"live": 2}) is None
    big = Answer(200, [(b"content-type", b"application/json")], b"x" * 2000, tagged=True)
    kept.put("big", Entry(big, "/", "live", 1))
    assert (len(kept), kept.bytes) == (0, 0)
