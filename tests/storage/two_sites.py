"""A fleet of two hosts, of which a scope shows one: everything that could tell of the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from config.models import Config, Fleet, Host, LocalHost, Retention, Storage
from fleet.history import StoredHistory
from fleet.holdings import StoredHoldings
from fleet.instruments import Instruments
from fleet.instruments_collect import FleetCollector
from fleet.instruments_own import Parts
from fleet.limits import Limits
from fleet.live import LiveLedgers
from fleet.live_logs import LiveLogs
from fleet.log_feed import LogFeed
from fleet.model import Image, LogLine
from fleet.read_model import LiveReadModel
from fleet.reload import RunningConfig
from fleet.tracker import Tracker
from storage.database import Database
from storage.rows import ImageVersionRow, Row
from tests.fleet import values
from tests.fleet.test_instruments import ROUTES, STATUS
from tests.storage import samples
from tests.web.asgi import Asking
from tests.web.routes_in_memory import RoutesInMemory
from web.access.model import Authority
from web.app import create_app
from web.documents import ConfigDocument, StorageDocument
from web.parts import Admitting, Serving, Shown

SEEN, HIDDEN = "berlin-1", "aardvark"
WORDS = (HIDDEN, "stripes", "savanna", "zoo.example.com", "10.0.0.2")
"""What only the hidden host has."""
TICK = "tick"
NOW = datetime.now(UTC).replace(microsecond=0)
IDS = {(SEEN, "web"): "ab" * 32, (HIDDEN, "web"): "cd" * 32, (HIDDEN, "stripes"): "ef" * 32}


class TwoSites:
    """All parts of a fleet but its connections; `happen` makes each stream tell something."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self.tracker, feed, instruments = Tracker(), LogFeed(), Instruments()
        hosts: dict[str, Host] = {
            HIDDEN: LocalHost(name=HIDDEN, labels={"site": "savanna"}),
            SEEN: LocalHost(name=SEEN, labels={"site": "berlin"}),
        }
        ledgers = LiveLedgers(self.tracker, lambda: hosts)
        for listener in (ledgers, feed, instruments):
            self.tracker.listen(listener)
        self.routes = RoutesInMemory()
        config = ConfigDocument(source=None, loaded=NOW, error=f"hosts.{HIDDEN} is wrong")
        for name in (SEEN, HIDDEN):
            self.tracker.add_host(name)
            self.tracker.update_host(name, status="up", listed=True, last_seen=NOW)
            self.routes.add_host(name, site=hosts[name].labels["site"])
        self._fill()
        parts = Parts(
            instruments,
            Limits.of(Fleet(data_dir=Path("/nowhere"))),
            lambda: STATUS,
            lambda: config,
            lambda: ROUTES,
        )
        model = LiveReadModel(
            self.tracker, lambda: hosts, lambda: config, lambda: StorageDocument(state="writing")
        )
        app = create_app(
            Shown(
                model,
                StoredHistory(database, Storage()),
                LiveLogs(feed),
                routing=self.routes,
                live=ledgers,
                collector=FleetCollector(self.tracker, parts),
                configured=RunningConfig(
                    Config(fleet=Fleet(data_dir=Path("/nowhere")), storage=Storage(), hosts=hosts)
                ).whole,
                holdings=StoredHoldings(database, Retention),
            ),
            Admitting(authority=authority),
            Serving(max_streams=8, settle=0.01),
        )
        self.streams = app.streams
        self.asking = Asking(app)

    def _fill(self) -> None:
        for host, name in IDS:
            self._container(host, name)
        for host, tag in ((SEEN, "redis:7"), (HIDDEN, "redis:7"), (HIDDEN, "savanna/app:1")):
            self.tracker.put_image(_image(host, tag))
        self.routes.put(HIDDEN, "web", "fight.example.com", websocket="true")
        self.routes.put(HIDDEN, "stripes", "zoo.example.com", "shop.example.com")
        self.routes.put(SEEN, "web", "shop.example.com", "fight.example.com")
        self.routes.put(HIDDEN, "old-stripes", "shop.example.com", state="exited")
        self.routes.put(HIDDEN, "more", "zoo.example.com", port=0, backend_port="rubbish")

    def _container(self, host: str, name: str) -> None:
        id_ = IDS.get((host, name), name.encode().hex().ljust(64, "0"))
        labels = {"of": "savanna"} if host == HIDDEN else {}
        found = values.container(id_, host=host, name=name, identity=f"name:{name}", labels=labels)
        self.tracker.put_container(found)
        self.tracker.put_sample(host, id_, values.sample(time=NOW))
        self.tracker.put_event(values.event(host=host, actor_id=id_, name=name))

    def happen(self) -> None:
        """First on the hidden host, then on the one that is seen, which is told with a tick."""
        for host, name in ((HIDDEN, "stripes-2"), (SEEN, TICK)):
            self._container(host, name)
            self.tracker.update_host(host, status="down", stale_since=NOW)
            self.routes.put(host, name, "zoo.example.com" if host == HIDDEN else "tick.example.com")
            self.routes.put(host, name, "shop.example.com")
            web = IDS[host, "web"]
            line = _line(host, web, "savanna roars" if host == HIDDEN else TICK)
            self.tracker.put_lines(host, web, (line,), 0)


def stored() -> Iterator[Row]:
    """History of both, in the last hour."""
    for number, ((host, name), id_) in enumerate(IDS.items()):
        time = NOW - timedelta(minutes=number + 1)
        who = {"host": host, "name": name, "identity": f"name:{name}"}
        yield msgspec.structs.replace(samples.host(host), labels={"site": host})
        yield msgspec.structs.replace(samples.container(), **who, id=id_, image="redis:7")
        yield msgspec.structs.replace(samples.stats(1), **who, container_id=id_, time=time)
        nano = int(time.timestamp()) * 10**9
        at = {"time": time, "time_nano": nano}
        event = samples.event(1, host=host, actor=id_)
        yield msgspec.structs.replace(event, **at, name=name)
        line = "savanna roars" if host == HIDDEN else "guten Tag"
        yield msgspec.structs.replace(samples.line(1, line), **who, **at, container_id=id_)
        yield msgspec.structs.replace(samples.health(1), host=host, time=time)
        yield ImageVersionRow(
            time=time,
            host=host,
            reference="redis:7",
            image_id="sha256:" + ("5a" if host == HIDDEN else "1b") * 32,
            digest=None,
            size=1,
            created=None,
        )
        yield msgspec.structs.replace(
            samples.route_change(number, domain="shop.example.com"),
            time=time,
            before=[f"{HIDDEN}/web 10.0.0.2:80", f"{SEEN}/web 10.0.0.1:80"],
            after=[f"{SEEN}/web 10.0.0.1:80"],
            summary=f"{HIDDEN}/web left the pool: 1 of 2 left",
            cause_host=host,
            cause_container=name,
        )


def _image(host: str, tag: str) -> Image:
    return Image(
        host=host,
        id="sha256:" + ("5a" if host == HIDDEN else "1b") * 32,
        tags=(tag,),
        digests=(),
        size=1,
        architecture="amd64",
        operating_system="linux",
        created=None,
        first_seen=NOW,
    )


def _line(host: str, id_: str, text: str) -> LogLine:
    return LogLine(
        time=datetime.now(UTC),
        time_nano=int(datetime.now(UTC).timestamp()) * 10**9,
        host=host,
        container_id=id_,
        name="web",
        identity="name:web",
        stream="stdout",
        sequence=0,
        level=None,
        line=text,
    )
