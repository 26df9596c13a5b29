"""Asks a proxy what it serves, and sets it against the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import trio

from connectors.proxy_admin import ProxyAdmin, ProxyError
from labels.drift.caddy import read_caddy
from labels.drift.comparing import Drift, DriftError, ProxyKind, Reading, compare
from labels.drift.haproxy import read_haproxy, read_maps
from labels.drift.traefik import read_traefik
from labels.model import Table


async def drift(
    kind: ProxyKind, url: str, table: Callable[[], Table], listed: Sequence[str] = ()
) -> Drift:
    """How the proxy at `url` differs from the table.

    Args:
        kind: What it is.
        url: Its admin interface: on the loopback, or below one that is `listed`.
        table: What it should serve; asked for once the proxy has answered.
        listed: `[revp] proxies` of the configuration.

    Raises:
        DriftError: The URL may not be asked, nobody answers, or not as such a proxy does.
    """
    try:
        read = await _asked(kind, ProxyAdmin(url, listed))
    except ProxyError as error:
        raise DriftError(error.code, error.what, error.hint) from error
    # Of a big proxy, or of what only says to be one, that takes a while.
    now = table()
    return await trio.to_thread.run_sync(lambda: compare(kind, url, now, read()))


async def _asked(kind: ProxyKind, admin: ProxyAdmin) -> Callable[[], Reading]:
    """What reads all that the proxy answered."""
    if kind == "caddy":
        return partial(read_caddy, await admin.get("/config/"))
    if kind == "haproxy":
        numbers = read_maps(await admin.command("show map"))
        maps = [await admin.command(f"show map #{number}") for number in numbers]
        return partial(read_haproxy, maps, await admin.command("show servers state"))
    routers = await admin.pages("/api/http/routers")
    return partial(read_traefik, routers, await admin.pages("/api/http/services"))
