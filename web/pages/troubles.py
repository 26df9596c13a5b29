"""The banner of what is wrong with fleet itself, live on every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from web.documents import CertificateDocument, FleetDocument, StorageDocument
from web.pages.regions import Draw, Region
from web.pages.templating import template

EXPIRES_SOON = timedelta(days=7)  # as the verdict has it
ID = "troubles"


class Trouble(NamedTuple):
    """What is wrong, since when, and what to do about it."""

    text: str
    further: str
    since: datetime | None = None


def troubles(fleet: FleetDocument, now: datetime) -> list[Trouble]:
    """All that is wrong with fleet itself, the gravest first."""
    found = [*_stale(fleet), *_storage(fleet.storage)]
    config, routes = fleet.config, fleet.routes
    if config.error is not None:
        text = f"The changed configuration was refused: {config.error}"
        further = "The old one runs on. `fleet check` tells every mistake, with its line."
        found.append(Trouble(text, further, config.error_since))
    if fleet.certificate is not None:
        found += _certificate(fleet.certificate, now)
    if routes is not None and routes.error is not None:
        text = f"Routes would not outlive a restart: {routes.error}"
        found.append(Trouble(text, "Make room or give the rights that are missing."))
    return found


def _stale(fleet: FleetDocument) -> Iterator[Trouble]:
    if fleet.stale_since is not None:
        yield Trouble(
            "Nothing here is as of now: who watches the hosts, or the database between, is away.",
            "Look whether `fleet supervise` runs and reaches the database.",
            fleet.stale_since,
        )


def _storage(storage: StorageDocument) -> Iterator[Trouble]:
    rows = storage.spool.rows
    waiting = f"{rows + storage.queued:,} rows wait" if rows + storage.queued else "rows wait"
    why = f": {storage.error.rstrip('.')}." if storage.error else "."
    if storage.state == "spooling":
        yield Trouble(
            f"The database is away, {waiting} on disk{why}",
            "Nothing is lost while there is room. Start the database, or mend [storage] url.",
            storage.since,
        )
    elif storage.state == "waiting":
        yield Trouble(
            f"Neither the database nor the disk takes rows, {waiting} in memory{why}",
            "The oldest are dropped once memory is full. Make room in the data folder first.",
            storage.since,
        )
    elif storage.state == "replaying":
        left = f"{rows:,} rows that waited" if rows else "Rows that waited"
        speed = storage.spool.replayed_per_second
        rate = f", {speed:,.0f} a second" if speed else ""
        yield Trouble(
            f"{left} on disk are being written{rate}.",
            "Charts of that time are whole once they are.",
            storage.since,
        )
    if storage.lost_lately:
        yield Trouble(
            f"{storage.lost_lately:,} rows (samples, events, lines of logs) were dropped in the"
            " last hour.",
            "The database or the disk is too slow, or full: `fleet status` tells what was dropped.",
        )


def _certificate(certificate: CertificateDocument, now: datetime) -> Iterator[Trouble]:
    if certificate.error is not None:
        yield Trouble(
            f"The changed certificate was refused: {certificate.error}",
            "The old one is served on. Mend the files: they are read again by themselves.",
        )
    until = f"{certificate.expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if certificate.expires <= now:
        yield Trouble(f"The certificate of this page expired at {until}.", "Renew it.")
    elif certificate.expires - now < EXPIRES_SOON:
        yield Trouble(f"The certificate of this page expires at {until}.", "Renew it.")


def banner(fleet: FleetDocument, zone: tzinfo) -> Region:
    """The banner, which is there but empty while nothing is wrong.

    Args:
        fleet: As who looks sees it.
        zone: Where their clock is.
    """
    now = datetime.now(UTC)
    html = template("partials/troubles.html").render(
        troubles=troubles(fleet, now), zone=zone, now=now
    )
    return Region(id=ID, html=html, framing=True)


def beside_banner(draw: Draw, fleet: Callable[[], FleetDocument], zone: tzinfo) -> Draw:
    """What draws the regions of a page and, as every live page does, the banner."""

    def both() -> Sequence[Region]:
        return [banner(fleet(), zone), *draw()]

    return both
