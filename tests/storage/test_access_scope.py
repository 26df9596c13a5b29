"""Who sees one host is told nothing of another: by no endpoint, and by no live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
import trio
import trio.testing
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from config.models import Storage
from fleet.access.keeper import AccessKeeper
from storage.access import revoke_token
from storage.batch import batch_of, write_batch
from storage.database import Database
from tests.storage.test_access_matrix import STATIC, made_token
from tests.storage.two_sites import HIDDEN, IDS, SEEN, TICK, WORDS, TwoSites, stored
from tests.web.asgi import Answer
from web.access.static import StaticAuthority
from web.app import HANDLERS
from web.parameters import declared
from web.problem_documents import ProblemDocument
from web.schema import openapi_config

STREAMS = (
    "/api/stream/events",
    "/api/stream/hosts",
    "/api/stream/containers",
    "/api/stream/stats",
    "/api/stream/logs?tail=1",
    "/api/revp/stream",
    f"/api/containers/{SEEN}/web/logs?follow=true&limit=1",
)
OF_SEEN = {"host": SEEN, "ref": "web", "domain": "shop.example.com", "path": "x"}
OF_HIDDEN = {"host": HIDDEN, "ref": "stripes", "domain": "zoo.example.com", "path": "x"}
OF_NOBODY = {"host": "aardvarx", "ref": "stripez", "domain": "zoo.exampla.com", "path": "x"}


class Scoped:
    """Two sites, and a token that sees one of them."""

    def __init__(self, sites: TwoSites, database: Database, token: str) -> None:
        self.sites = sites
        self.database = database
        self.token = token

    async def get(self, path: str, **parameters: str) -> Answer:
        path, _, query = path.partition("?")
        given = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
        query = "&".join(filter(None, (query, given)))
        return await self.sites.asking.ask("GET", path, query=query, token=self.token)


@pytest.fixture
async def scoped(
    fresh_embedded: str, tmp_path: Path, nursery: trio.Nursery
) -> AsyncIterator[Scoped]:
    database = Database(fresh_embedded, None, Storage())
    await database.prepare()
    await database.write(lambda connection: write_batch(connection, batch_of(list(stored()))))
    static = StaticAuthority(STATIC, None)
    keeper = AccessKeeper(database, tmp_path / "access.json", static, lambda _: None)
    token = await made_token(database, "viewer", "site=berlin")
    await nursery.start(keeper.run)
    yield Scoped(TwoSites(database, keeper), database, token)
    database.close()


def handlers() -> Iterator[tuple[str, HTTPRouteHandler]]:
    router = Litestar(route_handlers=HANDLERS, openapi_config=openapi_config("1"))
    for route in router.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if "GET" in handler.http_methods and "stream" not in route.path_format:
                    yield route.path_format, handler


def told(answer: Answer) -> list[str]:
    """Which of the words that only the hidden host has are in it."""
    said = answer.body.decode(errors="replace") + str(answer.headers)
    return [word for word in WORDS if word in said]


async def test_no_answer_tells_of_a_host_outside_of_the_scope(scoped: Scoped) -> None:
    leaks, seen = [], 0
    for template, handler in handlers():
        variants: list[dict[str, str]] = [{}]
        if "points" in declared(handler):
            variants.append({"last": "6h", "points": "5"})
        if template == "/api/revp/issues":
            variants += [{"format": name} for name in ("traefik", "caddy", "haproxy", "nginx")]
        if template == "/api/revp/drift":
            variants = [{"proxy": "caddy", "url": "http://127.0.0.1:1"}]
        for path in {template.format(**OF_SEEN), template.format(**OF_SEEN | {"ref": "redis:7"})}:
            for variant in variants:
                answer = await scoped.get(path, **variant)
                assert answer.status not in (0, 500), (path, answer.body)
                seen += SEEN in answer.body.decode(errors="replace")
                leaks += [(path, variant, word) for word in told(answer)]
    assert not leaks
    assert seen > 30  # the one host is there


async def test_a_name_outside_of_the_scope_is_nobodys(scoped: Scoped) -> None:
    """What is asked for by name is answered as if nobody had the name."""
    names = {**OF_HIDDEN, "image": "savanna/app:1"}
    nobodys = {**OF_NOBODY, "image": "savannb/app:1"}
    differing = []
    for template, handler in handlers():
        pairs: list[tuple[dict[str, str], dict[str, str]]] = [({}, {})]
        pairs += [
            ({name: names[key]}, {name: nobodys[key]})
            for name, key in (("host", "host"), ("container", "ref"), ("domain", "domain"))
            if name in declared(handler)
        ]
        if template == "/api/revp/drift" or ("{" not in template and len(pairs) == 1):
            continue
        for hidden, nobody in pairs:
            answers = []
            for values, parameters in ((names, hidden), (nobodys, nobody)):
                ref = values["image"] if "images" in template else values["ref"]
                path = template.format(**values | {"ref": quote(ref, safe="")})
                answers.append(_without(await scoped.get(path, **parameters), values))
            if answers[0] != answers[1]:
                differing.append((template, hidden, *answers))
    assert not differing


def _without(answer: Answer, names: dict[str, str]) -> object:
    """What is told, without the names that were asked for, and without when."""
    if not answer.kind:
        # These say what they were asked for.
        is_page = answer.body.startswith(b"<!doctype html>") or b"event: regions" in answer.body
        own = names.values() if is_page else ()
        return answer.status, [word for word in told(answer) if word not in own]
    problem = msgspec.json.decode(answer.body, type=ProblemDocument)
    text = problem.detail
    for key, name in names.items():
        text = text.replace(name, key)
    return answer.status, answer.kind, text, problem.suggestions, problem.candidates


async def test_no_stream_tells_of_a_host_outside_of_the_scope(scoped: Scoped) -> None:
    answers: dict[str, Answer] = {}

    async def follow(stream: str) -> None:
        path, _, query = stream.partition("?")
        answers[stream] = await scoped.sites.asking.ask(
            "GET", path, query=query, token=scoped.token, enough=_ticked
        )

    async with trio.open_nursery() as following:
        for stream in STREAMS:
            following.start_soon(follow, stream)
        with trio.fail_after(60):
            while len(scoped.sites.streams) < len(STREAMS):
                await trio.testing.wait_all_tasks_blocked(0.01)
        scoped.sites.happen()
    for stream, answer in answers.items():
        assert answer.status == 200, (stream, answer.body)
        assert not told(answer), (stream, answer.body)
    containers = answers["/api/stream/containers"].body.decode()
    assert (IDS[SEEN, "web"] in containers, IDS[HIDDEN, "web"] in containers) == (True, False)


async def test_no_subscription_tells_of_a_host_outside_of_the_scope(scoped: Scoped) -> None:
    commands: list[object] = [
        {"subscribe": name, "id": name} for name in ("hosts", "containers", "stats", "events")
    ]
    logs = {"host": SEEN, "container": "web"}
    commands.append({"subscribe": "logs", "id": "logs", "filter": logs})
    commands.append({"subscribe": "logs", "id": "all", "filter": {"container": []}})
    commands.append({"subscribe": "logs", "id": 3, "filter": {**logs, "host": HIDDEN}})
    commands.append({"subscribe": "hosts", "id": 4, "filter": {"host": [HIDDEN]}})
    answers, listening = [], trio.Event()

    def enough(answer: Answer) -> bool:
        if answer.body.count(b'"subscribed"') == 6:
            listening.set()
        return b'"line":"tick"' in answer.body and answer.body.count(TICK.encode()) > 3

    async def follow() -> None:
        talk = scoped.sites.asking.talk
        answers.append(await talk("/api/ws", *commands, token=scoped.token, enough=enough))

    async with trio.open_nursery() as following:
        following.start_soon(follow)
        with trio.fail_after(60):
            await listening.wait()
        await trio.testing.wait_all_tasks_blocked(0.01)
        scoped.sites.happen()
    (answer,) = answers
    refused = f"`host` is '{HIDDEN}'"
    assert answer.body.decode().count(refused) == 2
    assert SEEN in answer.body.decode()
    answer.body = answer.body.replace(refused.encode(), b"")
    assert not told(answer), answer.body


def _ticked(answer: Answer) -> bool:
    return TICK.encode() in answer.body or b'"status":"down"' in answer.body


async def test_who_sees_all_is_told_of_both(scoped: Scoped) -> None:
    scoped.token = STATIC
    for path in ("/api/hosts", "/api/containers", "/metrics", "/api/revp/routes", "/api/logs"):
        answer = await scoped.get(path)
        assert SEEN in answer.body.decode(), path
        assert HIDDEN in answer.body.decode(), path


async def test_a_pool_is_cut_and_a_lost_route_is_told_of(scoped: Scoped) -> None:
    document = (await scoped.get("/api/revp/haproxy")).body.decode()
    assert "10.0.0.1:8080" in document
    conflicts = await scoped.get("/api/revp/conflicts")
    (conflict,) = msgspec.json.decode(conflicts.body)["conflicts"]
    assert conflict["winner"]["name"] == "a container elsewhere"
    assert [loser["member"]["host"] for loser in conflict["losers"]] == [SEEN]
    issues = msgspec.json.decode((await scoped.get("/api/revp/issues?code=conflict")).body)
    assert "a container elsewhere has fight.example.com" in issues["issues"][0]["message"]
    changes = msgspec.json.decode((await scoped.get("/api/revp/changes")).body)["changes"]
    assert changes
    assert {member.partition("/")[0] for change in changes for member in change["after"]} == {SEEN}
    nobody = await scoped.get("/api/revp/traefik", domain="zoo.example.com")
    assert (nobody.status, nobody.kind) == (404, "no-routes")


async def test_a_stream_ends_with_its_token(scoped: Scoped) -> None:
    async with trio.open_nursery() as following:
        done = trio.Event()

        async def follow() -> None:
            answer = await scoped.sites.asking.ask(
                "GET", "/api/stream/containers", token=scoped.token, enough=lambda _: False
            )
            assert answer.status == 200
            done.set()

        following.start_soon(follow)
        with trio.fail_after(60):
            while not len(scoped.sites.streams):
                await trio.testing.wait_all_tasks_blocked(0.01)
            await revoke_token(scoped.database, scoped.token.split("_")[1], "root", "")
            await done.wait()
    again = await scoped.get("/api/hosts")
    assert again.status == 401
