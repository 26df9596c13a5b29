"""How the fleet is, in one word and its reasons: what `fleet status` ends with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

from web.ailing import ailments
from web.documents import (
    CertificateDocument,
    ConfigDocument,
    HostDocument,
    RouteCountsDocument,
    StorageDocument,
)

Verdict = Literal["ok", "degraded", "down"]
EXPIRES_SOON = timedelta(days=7)  # whoever renews by themselves does so weeks before


def verdict(
    hosts: Iterable[HostDocument],
    config: ConfigDocument | None,
    storage: StorageDocument | None,
    routes: RouteCountsDocument | None = None,
    certificate: CertificateDocument | None = None,
    at: datetime | None = None,
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge: `down` when an enabled host is not up, `degraded` when anything else is wrong.

    Args:
        hosts: All configured hosts.
        config: The running configuration, None when hosts were probed without a running fleet.
        storage: The recorder's state, None likewise.
        routes: The routes in short, None likewise.
        certificate: That of the API, None where it is served in the clear.
        at: When it is judged; None: now.
    """
    down: list[str] = []
    degraded: list[str] = []
    for host in hosts:
        if host.status in ("down", "connecting"):
            down.append(f"{host.name} is {host.status}")
        degraded += ailments(host)
    if config is not None and config.error:
        degraded.append("the changed configuration was refused, the old one runs on")
    if storage is not None:
        degraded += _storage_troubles(storage)
    if routes is not None:
        degraded += _route_troubles(routes)
    if certificate is not None:
        degraded += _certificate_troubles(certificate, at or datetime.now(UTC))
    if down:
        return "down", (*down, *degraded)
    return ("degraded" if degraded else "ok"), tuple(degraded)


def _storage_troubles(storage: StorageDocument) -> Iterator[str]:
    if storage.state == "spooling":
        yield f"the database is away, {storage.spool.rows} rows are on disk for it"
    if storage.state == "waiting":
        yield f"neither database nor disk takes rows, {storage.queued} wait in memory"
    if storage.lost_lately:
        yield f"{storage.lost_lately} rows were dropped in the last hour"


def _route_troubles(routes: RouteCountsDocument) -> Iterator[str]:
    if not routes.complete:
        missing = _listed(routes.missing, len(routes.missing))
        yield f"proxies are not told of routes yet: nothing is known of {missing}"
    if routes.held and routes.held_until is not None:
        until = f"{routes.held_until:%H:%M:%S} UTC"
        yield f"{_share(routes.held, routes.total)} held until {until}, too many went at once"
    if routes.down:
        domains = _listed(routes.down_domains, routes.down)
        yield f"{_share(routes.down, routes.total)} down: {domains}"
    if routes.degraded:
        domains = _listed(routes.degraded_domains, routes.degraded)
        yield f"{_share(routes.degraded, routes.total)} degraded: {domains}"
    if routes.error:
        yield f"routes are not remembered for the next start: {routes.error}"


def _certificate_troubles(certificate: CertificateDocument, at: datetime) -> Iterator[str]:
    if certificate.error:
        yield f"the changed certificate was refused, the old one is served: {certificate.error}"
    left = certificate.expires - at
    if left <= timedelta():
        yield f"the certificate of the API expired at {certificate.expires:%Y-%m-%d %H:%M} UTC"
    elif left < EXPIRES_SOON:
        yield f"the certificate of the API expires at {certificate.expires:%Y-%m-%d %H:%M} UTC"


def _share(count: int, total: int) -> str:
    return f"{count} of {total} routes {'is' if count == 1 else 'are'}"


def _listed(names: tuple[str, ...], total: int) -> str:
    """The first few names, and that there are more."""
    shown = names[:3]
    return ", ".join(shown) + (", ..." if total > len(shown) else "")
