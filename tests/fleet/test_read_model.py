from __future__ import annotations

from config.models import LocalHost
from fleet.read_model import LiveReadModel
from fleet.tracker import Tracker, now
from tests.fleet.values import container, event, sample
from web.documents import ConfigDocument, StorageDocument


def live() -> tuple[Tracker, LiveReadModel]:
    tracker = Tracker()
    tracker.add_host("a")
    model = LiveReadModel(
        tracker,
        lambda: {"a": LocalHost(name="a")},
        lambda: ConfigDocument(source=None, loaded=now()),
        lambda: StorageDocument(state="writing"),
    )
    return tracker, model


def test_a_document_is_made_anew_only_when_something_changed() -> None:
    tracker, model = live()
    tracker.put_container(container())
    (first,) = model.containers()
    assert model.containers()[0] is first
    tracker.put_sample("a", "c" * 64, sample())
    (second,) = model.containers()
    assert second.stats is not None
    tracker.put_container(container(state="paused"))
    assert model.containers()[0].state == "paused"
    tracker.update_host("a", stale_since=now())
    assert model.containers()[0].stale_since == tracker.hosts["a"].stale_since


def test_documents_of_gone_containers_are_let_go() -> None:
    tracker, model = live()
    for number in range(10):
        tracker.put_container(container(f"{number:064}", name=str(number)))
    assert len(model.containers("a")) == 10
    tracker.keep_only("a", [f"{3:064}"])
    assert [found.name for found in model.containers("a")] == ["3"]
    assert [found.name for found in model.find(f"{3:064}")] == ["3"]
    assert len(model._made["a"]) == 1  # the bound is what this is about


def test_containers_are_found_by_name_and_by_the_beginning_of_their_id() -> None:
    tracker, model = live()
    tracker.put_container(container("abcd" + "0" * 60, name="web"))
    tracker.put_container(container("abce" + "0" * 60, name="abcd"))
    assert [found.name for found in model.find("web")] == ["web"]
    assert {found.name for found in model.find("abcd")} == {"web", "abcd"}
    assert model.find("abc") == [], "too short to be an id"
    assert model.find("web", "b") == []


def test_a_host_sums_what_its_containers_use() -> None:
    tracker, model = live()
    for name in "xy":
        tracker.put_container(container(name * 64, name=name))
        tracker.put_sample("a", name * 64, sample(cpu_percent=40.0, memory_used=100))
    host = model.host("a")
    assert host is not None
    assert (host.cpu_percent, host.memory_used) == (80.0, 200)
    assert model.host("b") is None


def test_ready_waits_for_every_host_and_says_for_which() -> None:
    tracker, model = live()
    assert model.ready() == (False, "host a has not answered or failed yet")
    tracker.update_host("a", status="down")
    assert model.ready() == (True, "")
    assert model.fleet().verdict == "down"


async def test_events_are_followed_as_documents() -> None:
    tracker, model = live()
    async with model.events() as events:
        tracker.put_event(event(5, "die", exit_code=137))
        document = await events.next()
    assert (document.number, document.exit_code, document.host) == (1, 137, "a")
    assert [kept.number for kept in model.recent_events(10)] == [1]


def test_a_host_is_made_anew_only_when_it_or_a_container_of_it_changed() -> None:
    tracker = Tracker()
    hosts = {name: LocalHost(name=name) for name in "ab"}
    model = LiveReadModel(
        tracker,
        lambda: hosts,
        lambda: ConfigDocument(source=None, loaded=now()),
        lambda: StorageDocument(state="writing"),
    )
    for name in hosts:
        tracker.add_host(name)
    seen, version, other = model.host("a"), model.host_version("a"), model.host_version("b")
    tracker.put_event(event(host="a"))
    assert model.host("a") is seen
    assert model.host_version("a") == version
    tracker.put_container(container(host="a"))
    assert model.host_version("a") != version
    assert model.host_version("b") == other
    (whole, _) = model.hosts()
    assert whole.containers.total == 1
    version = model.host_version("a")
    tracker.missed("a", 3)
    assert model.host_version("a") != version
    assert model.hosts()[0].missed_samples == 3
    del hosts["a"]
    tracker.remove_host("a")
    assert [host.name for host in model.hosts()] == ["b"]
    assert set(model._whole) == {"b"}  # the bound is what this is about
