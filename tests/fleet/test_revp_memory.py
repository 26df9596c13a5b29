"""What is remembered of routes, followed of them, and checked of static ones."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from config.models import LocalHost, Route
from fleet.revp import memory
from fleet.revp.feed import KEPT, RouteFeed
from fleet.revp.names import EVERY, SOON, Names
from fleet.revp.present import RouteCounts
from fleet.revp.snapshot import FILE, read
from labels.facts import Place
from labels.model import Cause, Change
from labels.routing.snapshot import Snapshot
from tests.fleet.routed import routed
from tests.fleet.values import NOON

NAS = (Route(domain="nas.example.com", backend_url="http://nas.lan:80"),)
NAS_AND_IP = (*NAS, Route(domain="ip.example.com", backend_url="http://10.0.0.9:80"))


class Resolver(trio.abc.HostnameResolver):
    """Knows some names; fails as it is told."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.failure: int | None = None
        self.asked: list[str] = []

    async def getaddrinfo(self, host: Any, *_words: Any, **_named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        self.asked.append(name)
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise socket.gaierror(self.failure, "so it goes")
        if name not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return []

    async def getnameinfo(self, *_words: Any) -> Any:
        raise NotImplementedError


@pytest.fixture
async def resolver() -> Resolver:
    found = Resolver()
    trio.socket.set_custom_hostname_resolver(found)
    return found


def saved(folder: Path) -> Snapshot:
    found = read(folder / FILE)
    assert found is not None
    return found


def found(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def until(check: Callable[[], object], what: str) -> None:
    with trio.move_on_after(20):
        while not check():  # noqa: ASYNC110 - the file tells nobody
            await trio.sleep(0.01)
        return
    raise AssertionError(what)


async def test_no_number_of_a_revision_is_used_twice_even_after_a_kill(
    tmp_path: Path, resolver: Resolver
) -> None:
    resolver.known.add("nas.lan")
    async with routed(tmp_path, routes=NAS) as fleet:
        await fleet.until(lambda: fleet.table.routes, "there")
        seen = fleet.table.revision
        killed = tmp_path / "killed"
        killed.mkdir()
        (killed / FILE).write_bytes((tmp_path / FILE).read_bytes())
    assert saved(tmp_path).revision == seen, "what ends in order leaves no gap"
    assert [path.name for path in found(tmp_path)] == ["killed", FILE]
    async with routed(killed) as fleet:
        assert fleet.table.revision > seen + 500
        assert saved(killed).revision > fleet.table.revision


async def test_static_routes_are_news_only_if_they_changed_since_the_last_run(
    tmp_path: Path,
) -> None:
    ip = (Route(domain="ip.example.com", backend_url="http://10.0.0.9:80"),)
    for routes, news in ((ip, ["added"]), (ip, []), ((), ["removed"])):
        async with routed(tmp_path, routes=routes) as fleet:
            assert [change.kind for change in fleet.offered] == news


async def test_who_is_remembered_is_not_waited_for_but_the_others_are(tmp_path: Path) -> None:
    places = tuple(Place(name=name, address="127.0.0.1") for name in ("a", "gone"))
    remembered = Snapshot(version=1, revision=7, saved=NOON, places=places)
    (tmp_path / FILE).write_bytes(msgspec.json.encode(remembered))
    nowhere = [LocalHost(name=name, socket=tmp_path / "docker.sock") for name in ("a", "b")]
    async with routed(tmp_path, *nowhere) as fleet:
        assert (fleet.table.complete, fleet.table.missing) == (False, ("b",))
        fleet.configure(nowhere[0])
        await fleet.until(lambda: fleet.table.complete, "nobody is missing")
    assert [place.name for place in saved(tmp_path).places] == ["a"]


async def test_a_damaged_file_is_set_aside_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / FILE
    for damaged in (b"", b"\0" * 100, b'{"version": 2, "revision": 7}', b'{"version": 1}', b"[]"):
        path.write_bytes(damaged)
        caplog.clear()
        async with routed(tmp_path) as fleet:
            assert fleet.table.routes == ()
            assert fleet.table.revision > 1_000_000_000, "nobody has seen so many"
        assert path.with_name(f"{FILE}.damaged").read_bytes() == damaged
        (record,) = [found for found in caplog.records if found.levelname == "WARNING"]
        assert f"{FILE}.damaged" in record.getMessage()
        assert saved(tmp_path).containers == ()


async def test_a_file_that_cannot_be_read_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).mkdir()
    async with routed(tmp_path) as fleet:
        assert fleet.keeper.trouble is not None
    assert "cannot be read" in caplog.text


async def test_a_full_disk_is_said_once_shown_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "AGAIN", 0.01)
    full = tmp_path / f".{FILE}.new"
    full.symlink_to("/dev/full")
    async with routed(tmp_path) as fleet:
        counts = RouteCounts(fleet.keeper)
        assert "No space left on device" in (counts.document().error or "")
        fleet.configure(routes=(Route(domain="a.example.com", backend_url="http://10.0.0.9"),))
        await fleet.until(lambda: counts.document().up == 1, "it goes on")
        full.unlink()
        await until(lambda: fleet.keeper.trouble is None, "it is remembered again")
        assert counts.document().error is None
    warnings = [found for found in caplog.records if found.levelname == "WARNING"]
    assert len(warnings) == 1
    assert saved(tmp_path).revision == fleet.table.revision


async def test_a_change_is_written_soon_and_nothing_while_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "EVERY", 0.001)
    monkeypatch.setattr(memory, "SELDOM", 0)
    async with routed(tmp_path) as fleet:
        before = saved(tmp_path)
        for _ in range(5):
            fleet.keeper.configure(fleet.config)
            await trio.testing.wait_all_tasks_blocked(0.1)
        assert saved(tmp_path) == before
        fleet.configure(routes=(Route(domain="a.example.com", backend_url="http://10.0.0.9"),))
        await until(lambda: saved(tmp_path).revision > before.revision, "the change is there")


async def test_a_name_that_is_not_found_is_an_issue_until_it_is(
    tmp_path: Path, resolver: Resolver
) -> None:
    async with routed(tmp_path, routes=NAS_AND_IP) as fleet:
        await fleet.until(lambda: fleet.table.issues, "missed")
        assert [(i.code, i.domain) for i in fleet.table.issues] == [
            ("static-unreachable", "nas.example.com")
        ]
        assert fleet.standings() == {"ip.example.com": "up", "nas.example.com": "up"}
        resolver.known.add("nas.lan")
        fleet.configure(routes=NAS)  # which has names looked up at once
        await fleet.until(lambda: not fleet.table.issues, "found")
        assert set(resolver.asked) == {"nas.lan"}


async def test_a_resolver_that_fails_changes_nothing_and_a_miss_is_looked_at_twice(
    resolver: Resolver, caplog: pytest.LogCaptureFixture
) -> None:
    names = Names()
    resolver.known.add("nas.lan")
    assert await names.look(["nas.lan", "10.0.0.9", "fd00::5"]) == EVERY
    assert resolver.asked == ["nas.lan"]
    resolver.failure = socket.EAI_AGAIN
    for _ in range(3):
        assert await names.look(["nas.lan"]) == EVERY
    assert names.problems == {}
    assert caplog.text.count("nas.lan") == 1
    resolver.failure = socket.EAI_NONAME
    assert await names.look(["nas.lan"]) == SOON
    assert names.problems == {}
    assert await names.look(["nas.lan"]) == EVERY
    assert names.problems == {"nas.lan": "the name is not found"}
    resolver.failure = socket.EAI_AGAIN
    await names.look(["nas.lan"])
    assert names.problems.keys() == {"nas.lan"}
    resolver.failure = None
    await names.look(["nas.lan"])
    assert names.problems == {}


async def test_a_silent_resolver_is_not_waited_for_long(autojump_clock: Any) -> None:  # noqa: ARG001
    class Silent(Resolver):
        async def getaddrinfo(self, *_words: Any, **_named: Any) -> Any:
            await trio.sleep_forever()

    trio.socket.set_custom_hostname_resolver(Silent())
    names = Names()
    begun = trio.current_time()
    await names.look([f"{number}.lan" for number in range(20)])
    assert trio.current_time() - begun == pytest.approx(10.0)
    assert names.problems == {}


def change(revision: int, domain: str = "a.example.com") -> Change:
    return Change(
        revision=revision,
        time=NOON,
        kind="changed",
        domain=domain,
        path="/",
        cause=Cause(event="start"),
    )


async def test_changes_are_followed_by_revision() -> None:
    feed = RouteFeed(4)
    feed.publish([change(5), change(5, "b.example.com")])
    feed.publish([change(6)])
    with feed.follow(4) as all_of_them, feed.follow(5) as newer, feed.follow(None) as later:
        feed.publish([change(7)])
        assert [(await all_of_them.next()).revision for _ in range(4)] == [5, 5, 6, 7]
        assert [(await newer.next()).revision for _ in range(2)] == [6, 7]
        assert (await later.next()).revision == 7
        assert (all_of_them.dropped, newer.dropped, later.dropped) == (0, 0, 0)
    with feed.follow(3) as older:
        assert (await older.next()).revision == 5
        assert older.dropped, "what was before the start is not kept"
    feed.publish([change(number) for number in range(8, KEPT + 8)])
    with feed.follow(5) as slow:
        assert (await slow.next()).revision == 8
        assert slow.dropped
    assert [found.revision for found in feed.recent(2)] == [KEPT + 6, KEPT + 7]


async def test_a_revision_is_waited_for(tmp_path: Path) -> None:
    async with routed(tmp_path) as fleet, trio.open_nursery() as nursery:
        revision = fleet.table.revision
        await fleet.keeper.changed(revision - 1)
        nursery.start_soon(fleet.keeper.changed, revision)
        async with fleet.keeper.follow() as changes:
            fleet.configure(routes=(Route(domain="a.example.com", backend_url="http://10.0.0.9"),))
            with trio.fail_after(20):
                assert (await changes.next()).kind == "added"


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    snapshot = Snapshot(version=1, revision=7, saved=NOON)
    (tmp_path / FILE).write_bytes(msgspec.json.encode(snapshot))
    assert read(tmp_path / FILE) == snapshot
    assert read(tmp_path / "nothing") is None
