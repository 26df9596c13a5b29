from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from fleet.verdict import verdict
from tests.fleet.values import NOON
from web.documents import (
    CertificateDocument,
    ConfigDocument,
    CountsDocument,
    HostDocument,
    LoopingDocument,
    RouteCountsDocument,
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


def test_what_ends_again_and_again_is_named() -> None:
    crasher = LoopingDocument(id="c", name="crasher", ends_lately=12, last_exit_code=3)
    counts = CountsDocument(total=9, unhealthy=4, looping=2)
    ill = host("edge-1", containers=counts, looping=(crasher,))
    assert verdict([ill], None, None) == (
        "degraded",
        (
            "crasher on edge-1 restarts again and again: 12 times in 10 minutes, exit code 3",
            "1 more container on edge-1 restarts so",
            "edge-1 has 2 unhealthy containers",
        ),
    )
    away = msgspec.structs.replace(ill, status="down")
    assert verdict([away], None, None) == ("down", ("edge-1 is down",))


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


def test_routes_without_all_of_their_backends_degrade() -> None:
    names = ("a.example.com", "b.example.com", "c.example.com", "d.example.com")
    routes = RouteCountsDocument(
        total=14, up=9, degraded=1, degraded_domains=names[:1], down=4, down_domains=names,
        complete=True, error="/x/routes.json cannot be written (No space left on device)",
    )  # fmt: skip
    assert verdict([], None, None, routes) == (
        "degraded",
        (
            "4 of 14 routes are down: a.example.com, b.example.com, c.example.com, ...",
            "1 of 14 routes is degraded: a.example.com",
            "routes are not remembered for the next start: "
            "/x/routes.json cannot be written (No space left on device)",
        ),
    )
    well = RouteCountsDocument(total=14, up=14, errors=2, warnings=1, conflicts=1, complete=True)
    assert verdict([], None, None, well) == ("ok", ())


def test_held_and_withheld_routes_degrade() -> None:
    held = RouteCountsDocument(total=9, up=9, held=5, held_until=NOON, complete=True)
    told = "5 of 9 routes are held until 12:00:00 UTC, too many went at once"
    assert verdict([], None, None, held) == ("degraded", (told,))
    waiting = RouteCountsDocument(missing=("a", "b"))
    told = "proxies are not told of routes yet: nothing is known of a, b"
    assert verdict([], None, None, waiting) == ("degraded", (told,))


def test_a_certificate_that_ends_or_is_refused_degrades() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    good = CertificateDocument(file="c", loaded=at, expires=at + timedelta(days=30))

    def reasons(certificate: CertificateDocument) -> tuple[str, ...]:
        return verdict([], None, None, None, certificate, at)[1]

    assert reasons(good) == ()
    soon = msgspec.structs.replace(good, expires=at + timedelta(days=6))
    assert reasons(soon) == ("the certificate of the API expires at 2026-01-07 00:00 UTC",)
    over = msgspec.structs.replace(good, expires=at, error="c holds none.")
    assert reasons(over) == (
        "the changed certificate was refused, the old one is served: c holds none.",
        "the certificate of the API expired at 2026-01-01 00:00 UTC",
    )
