from __future__ import annotations

from typing import Any

from fleet.verdict import verdict
from tests.fleet.values import NOON
from web.documents import (
    ConfigDocument,
    CountsDocument,
    HostDocument,
    SpoolDocument,
    StorageDocument,
)


def host(name: str, **fields: Any) -> HostDocument:
    known: dict[str, Any] = {
        "connection": "local",
        "target": "unix:///x",
        "status": "up",
        "since": NOON,
    }
    return HostDocument(name=name, **(known | fields))


def test_all_well() -> None:
    storage = StorageDocument(state="writing", dropped={"container_stats": 0})
    config = ConfigDocument(source=None, loaded=NOON)
    assert verdict([host("a"), host("b", status="disabled")], config, storage) == ("ok", ())
    assert verdict([], None, None) == ("ok", ())


def test_a_host_that_is_not_up_is_down_whatever_else_is_wrong() -> None:
    sick = host("b", containers=CountsDocument(total=3, unhealthy=2))
    word, reasons = verdict([host("a", status="down"), sick], None, None)
    assert word == "down"
    assert reasons == ("a is down", "b has 2 unhealthy containers")


def test_each_lesser_trouble_degrades() -> None:
    one = host("b", containers=CountsDocument(total=3, unhealthy=1))
    assert verdict([one], None, None) == ("degraded", ("b has 1 unhealthy container",))
    refused = ConfigDocument(source="x", loaded=NOON, error="line 3: ...")
    assert verdict([], refused, None)[0] == "degraded"
    away = StorageDocument(state="spooling", spool=SpoolDocument(rows=7))
    assert verdict([], None, away)[1] == ("the database is away, 7 rows are on disk for it",)
    stuck = StorageDocument(state="waiting", queued=8)
    told = ("neither database nor disk takes rows, 8 wait in memory",)
    assert verdict([], None, stuck) == ("degraded", told)
    dropped = StorageDocument(state="writing", lost_lately=3)
    assert verdict([], None, dropped)[1] == ("3 rows were dropped in the last hour",)


def test_what_is_long_past_or_mends_itself_does_not_degrade() -> None:
    dropped = StorageDocument(state="writing", dropped={"container_stats": 3})
    assert verdict([], None, dropped) == ("ok", ())
    replaying = StorageDocument(state="replaying", spool=SpoolDocument(rows=7))
    assert verdict([], None, replaying) == ("ok", ())
