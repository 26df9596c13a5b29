from __future__ import annotations

from datetime import timedelta

import msgspec

from config.models import Host, LocalHost
from fleet.live import LiveLedgers
from fleet.model import HostSample
from fleet.tracker import Tracker
from tests.fleet.values import NOON, container, sample
from web.live.ledger import Ledger


def fed() -> tuple[Tracker, LiveLedgers, dict[str, Host]]:
    tracker = Tracker()
    hosts: dict[str, Host] = {"a": LocalHost(name="a", labels={"site": "fra"})}
    ledgers = LiveLedgers(tracker, lambda: hosts)
    tracker.listen(ledgers)
    tracker.add_host("a")
    return tracker, ledgers, hosts


def told(ledger: Ledger, version: int = 0) -> list[dict[str, object]]:
    return [
        msgspec.json.decode(entry.data, type=dict[str, object]) | {"gone": entry.gone}
        for entry in ledger.since(version)
    ]


def test_hosts_are_told_when_their_health_changes_and_not_at_every_ping() -> None:
    tracker, ledgers, _ = fed()
    hosts = ledgers.ledger("hosts")
    tracker.update_host("a", status="up", last_seen=NOON)
    version = hosts.version
    tracker.update_host("a", last_seen=NOON + timedelta(seconds=10), response_seconds=0.1)
    assert hosts.version == version
    tracker.update_host("a", status="down")
    (host,) = told(hosts, version)
    assert (host["status"], host["labels"]) == ("down", {"site": "fra"})
    tracker.remove_host("a")
    (gone,) = told(hosts, version)
    assert gone == {"type": "host", "host": "a", "id": None, "name": None, "gone": True}


def test_containers_come_change_get_stale_and_go() -> None:
    tracker, ledgers, _ = fed()
    containers = ledgers.ledger("containers")
    tracker.put_container(container(labels={"x": "y"}))
    assert containers.present()[0].subject.labels == {"x": "y"}
    tracker.put_sample("a", "c" * 64, sample())
    (running,) = told(containers)
    assert (running["state"], running["stats"], running["stale_since"]) == ("running", None, None)
    tracker.update_host("a", status="down", stale_since=NOON)
    (stale,) = told(containers, 1)
    assert stale["stale_since"] == "2026-01-02T12:00:00Z"
    tracker.keep_only("a", ())
    assert [one["gone"] for one in told(containers, 2)] == [True]


def test_samples_are_there_while_a_container_runs() -> None:
    tracker, ledgers, _ = fed()
    stats = ledgers.ledger("stats")
    tracker.put_container(container())
    tracker.put_sample("a", "c" * 64, sample(cpu_percent=7.0))
    tracker.put_machine("a", machine())
    of_container, of_host = told(stats)
    assert (of_container["type"], of_container["name"]) == ("container", "web")
    assert isinstance(of_container["stats"], dict)
    assert of_container["stats"]["cpu_percent"] == 7.0
    assert isinstance(of_host["machine"], dict)
    assert (of_host["type"], of_host["machine"]["cpus"]) == ("host", 4)
    tracker.put_container(container(state="exited"))
    assert [one["gone"] for one in told(stats, 2)] == [True]
    tracker.remove_host("a")
    assert stats.present() == []


def test_a_host_that_left_the_configuration_is_told_of_only_as_gone() -> None:
    tracker, ledgers, hosts = fed()
    version = ledgers.ledger("hosts").version
    hosts.clear()
    tracker.update_host("a", status="down")
    tracker.put_machine("a", machine())
    assert told(ledgers.ledger("hosts"), version) == []
    assert ledgers.ledger("stats").version == 0


def machine() -> HostSample:
    return HostSample(
        time=NOON, source="machine", cpus=4, cpu_percent=1.0, memory_total=2, memory_used=1
    )
