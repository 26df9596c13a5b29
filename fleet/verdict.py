"""How the fleet is, in one word and its reasons: what `fleet status` ends with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from web.documents import ConfigDocument, HostDocument, StorageDocument

Verdict = Literal["ok", "degraded", "down"]


def verdict(
    hosts: Iterable[HostDocument], config: ConfigDocument | None, storage: StorageDocument | None
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge: `down` when an enabled host is not up, `degraded` when anything else is wrong.

    Args:
        hosts: All configured hosts.
        config: The running configuration, None when hosts were probed without a running fleet.
        storage: The recorder's state, None likewise.
    """
    down, degraded = [], []
    for host in hosts:
        if host.status in ("down", "connecting"):
            down.append(f"{host.name} is {host.status}")
        if host.status == "up" and host.containers.unhealthy:
            count = host.containers.unhealthy
            degraded.append(f"{host.name} has {count} unhealthy container{'s' * (count > 1)}")
    if config is not None and config.error:
        degraded.append("the changed configuration was refused, the old one runs on")
    if storage is not None:
        degraded += _storage_troubles(storage)
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
