"""What is published of a fleet, taken over by another: both answer the same, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import trio

from config.models import Config, Fleet, Host, LocalHost, SshHost, Storage, TcpHost, TlsFiles
from fleet.live import LiveLedgers
from fleet.mirror.hosts import host_of
from fleet.mirror.hosts import mirrored as told_of
from fleet.mirror.kinds import encode
from fleet.mirror.marks import Marks
from fleet.mirror.replica import Replica, decoded
from fleet.mirror.routing import MirroredRoutes
from fleet.mirror.telling import KEPT_EVENTS, Teller, Watched
from fleet.model import HostSample, Image
from fleet.read_model import LiveReadModel
from fleet.reload import RunningConfig
from fleet.revp.keeper import RouteKeeper
from fleet.revp.present import RouteCounts
from fleet.tracker import Tracker
from tests.fleet.values import NOON, container, event, sample
from web.documents import ConfigDocument, StorageDocument
from web.exposition.text import Family

HOSTS: tuple[Host, ...] = (
    LocalHost(name="a", labels={"site": "fra"}),
    TcpHost(name="b", address="10.0.0.9", insecure=True),
    TcpHost(name="c", address="10.0.0.10", tls=TlsFiles(ca_file=Path("/secret/ca.pem"))),
    SshHost(name="d", address="10.0.0.5", username="root", key_file=Path("/secret/key")),
    SshHost(name="e", address="edge", enabled=False),
)
IMAGE = Image(
    host="a",
    id="sha256:1",
    tags=("busybox:latest",),
    digests=(),
    created=NOON,
    size=100,
    architecture="amd64",
    operating_system="linux",
    first_seen=NOON,
)


class Both:
    """A fleet that is told, and its mirror."""

    def __init__(self, tracker: Tracker, config: Config, keeper: RouteKeeper) -> None:
        self.tracker = tracker
        self.keeper = keeper
        self.whole = config
        self.hosts: dict[str, Host] = dict(config.hosts)
        self.config = ConfigDocument(source="/etc/fleet/hosts.toml", loaded=NOON)
        self.running = RunningConfig(config)
        self.storage = StorageDocument(state="writing")
        counts = RouteCounts(keeper)
        self.model = LiveReadModel(
            tracker, lambda: self.hosts, lambda: self.config, lambda: self.storage, counts.document
        )
        self.ledgers = LiveLedgers(tracker, lambda: self.hosts)
        tracker.listen(self.ledgers)
        self.marks = Marks(tracker)
        tracker.listen(self.marks)
        self.watched = Watched(
            started=self.model.fleet().started,
            tracker=tracker,
            hosts=lambda: self.hosts,
            keeper=keeper,
            config=lambda: self.config,
            effective=self.running.whole,
            storage=lambda: self.storage,
            counts=counts.document,
            metrics=lambda: [Family("fleet_build", "info", "It.").add(1, version="1")],
        )
        self.routes = MirroredRoutes()
        self.replica = Replica(self.routes)
        self.begin()

    def configure(self, hosts: dict[str, Host]) -> None:
        self.hosts = hosts
        self.whole = msgspec.structs.replace(self.whole, hosts=hosts)
        self.keeper.configure(self.whole)

    def begin(self) -> None:
        self.teller = Teller(self.watched, self.marks)
        self.take(whole=True)

    def take(self, *, whole: bool = False) -> None:
        told = self.teller.everything() if whole else self.teller.news()
        items = [encode(key, value) for key, value in told]
        self.replica.take(decoded(items), whole=whole)

    def check(self) -> None:
        """Everything that is answered is the same."""
        assert self.replica.effective == self.running.whole()
        ours, theirs = self.model, self.replica.model
        assert _bytes(theirs.fleet()) == _bytes(ours.fleet())
        assert _bytes(theirs.hosts()) == _bytes(ours.hosts())
        assert _bytes(theirs.containers()) == _bytes(ours.containers())
        assert _bytes(theirs.images()) == _bytes(ours.images())
        assert _bytes(theirs.recent_events(9999)) == _bytes(ours.recent_events(KEPT_EVENTS))
        for name in ("hosts", "containers", "stats"):
            told = {entry.key: entry.data for entry in self.ledgers.ledger(name).present()}
            mirrored = self.replica.ledgers.ledger(name).present()
            if name != "hosts":  # whose sums are as of when they are read
                assert {entry.key: entry.data for entry in mirrored} == told
        keeper, routes = self.keeper, self.routes
        assert routes.table() == keeper.table()
        assert _bytes(routes.containers()) == _bytes(keeper.containers())
        assert list(routes.recent_changes(9999)) == list(keeper.recent_changes(9999))
        assert routes.rules() == keeper.rules()
        assert dict(routes.host_labels()) == dict(keeper.host_labels())
        assert [routes.place(name) for name in "abcdex"] == [keeper.place(n) for n in "abcdex"]


def _bytes(value: object) -> bytes:
    return msgspec.json.encode(value)


@asynccontextmanager
async def mirrored(folder: Path) -> AsyncIterator[Both]:
    hosts = {host.name: host for host in HOSTS}
    config = Config(fleet=Fleet(data_dir=folder), storage=Storage(), hosts=hosts)
    tracker = Tracker(event_buffer=2 * KEPT_EVENTS)
    for host in HOSTS:
        tracker.add_host(host.name, "connecting" if host.enabled else "disabled")
    keeper = await RouteKeeper.open(tracker, config, lambda _: None)
    tracker.listen(keeper)
    async with trio.open_nursery() as nursery:
        await nursery.start(keeper.run)
        yield Both(tracker, config, keeper)
        nursery.cancel_scope.cancel()


def _serving(number: int, domain: str, **fields: object) -> dict[str, object]:
    labels = {"snadboy.revp.domain": domain, "snadboy.revp.backend-port": "80"}
    return {"id_": f"{number:064x}", "name": f"web-{number}", "labels": labels, **fields}


async def _settled(both: Both, domains: set[str]) -> None:
    """Wait until just these are served and nothing more is to come."""
    with trio.fail_after(30):
        while {route.domain for route in both.keeper.table().routes} != domains:
            await both.keeper.changed(both.keeper.table().revision)
    await trio.testing.wait_all_tasks_blocked(0.2)


async def test_what_is_told_and_how_it_changes_is_mirrored(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as both:
        both.check()
        tracker = both.tracker
        for name in "abcd":
            tracker.update_host(name, status="up", listed=True, last_seen=NOON)
        for number, domain in enumerate(("x.example", "x.example", "y.example", "not a domain")):
            tracker.put_container(container(**_serving(number, domain)))  # type: ignore[arg-type]  # any fields
            tracker.put_event(event(number))
            tracker.put_sample("a", f"{number:064x}", sample(cpu_total=number))
        tracker.put_container(container(**_serving(9, "z.example", state="exited")))  # type: ignore[arg-type]  # any fields
        tracker.put_image(IMAGE)
        tracker.put_machine(
            "b",
            HostSample(
                time=NOON, source="machine", cpus=2, cpu_percent=1.5, memory_total=9, memory_used=3
            ),
        )
        await _settled(both, {"x.example", "y.example"})
        both.take()
        both.check()
        assert both.keeper.table().issues
        assert both.keeper.table().waiting
        tracker.remove_container("a", f"{0:064x}")
        tracker.put_container(container(**_serving(1, "x.example", state="paused")))  # type: ignore[arg-type]  # any fields
        tracker.keep_only_images("a", ())
        tracker.update_host("a", status="down", stale_since=NOON)
        both.storage = StorageDocument(state="spooling", error="away")
        both.configure({name: host for name, host in both.hosts.items() if name != "d"})
        tracker.remove_host("d")
        await trio.testing.wait_all_tasks_blocked(0.2)
        both.take()
        both.check()
        both.begin()  # as after the database was away: all of it again
        both.check()
        assert b"/secret" not in b"".join(
            encode(key, value).document or b"" for key, value in both.teller.everything()
        )


async def test_more_events_than_are_kept_are_a_jump_in_their_numbers(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as both:
        both.tracker.put_event(event(1))
        both.take()
        with both.replica.tracker.events.subscribe(0) as reading:
            assert (await reading.next()).number == 1
            for nano in range(KEPT_EVENTS + 5):
                both.tracker.put_event(event(nano))
            both.take()
            assert (await reading.next()).number == 7
            assert reading.dropped == 5
        both.check()


async def test_what_is_old_says_so_everywhere_and_what_comes_later_takes_it_back(
    tmp_path: Path,
) -> None:
    async with mirrored(tmp_path) as both:
        both.tracker.update_host("a", status="up", listed=True)
        both.tracker.put_container(container())
        both.take()
        both.replica.be_stale(NOON)
        assert {host.stale_since for host in both.replica.model.hosts()} == {NOON}
        assert both.replica.model.containers()[0].stale_since == NOON
        both.tracker.update_host("a", status="down", stale_since=NOON - timedelta(hours=1))
        both.take()
        host = both.replica.model.host("a")
        assert host is not None
        assert host.stale_since == NOON - timedelta(hours=1)
        both.replica.be_stale(None)
        both.check()


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_a_host_looks_the_same(host: Host) -> None:
    seen = host_of(told_of(host, None))
    assert (seen.target, seen.labels, type(seen)) == (host.target, host.labels, type(host))
