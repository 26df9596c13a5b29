"""How routes changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.asking import MOST_ROWS, ask
from storage.database import Database
from storage.rows import RouteChangeRow
from storage.tables import clean


async def route_changes(
    database: Database,
    *,
    domain: str | None = None,
    host: str | None = None,
    hosts: Sequence[str] | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    limit: int = 100,
) -> list[RouteChangeRow]:
    """The newest changes first; None means any. `since` is inclusive, `before` exclusive.

    Of a host are the changes that happened because of it, and those of pools with members on it;
    `hosts` means any of them.

    Raises:
        StorageError: the database is away, or refuses.
    """
    wanted = {
        "domain": None if domain is None else clean(domain),
        "host": None if host is None else clean(host),
        "hosts": None if hosts is None else list(map(clean, hosts)),
        "since": "-infinity" if since is None else since,
        "before": "infinity" if before is None else before,
        "limit": min(limit, MOST_ROWS),
    }
    return await ask(database, RouteChangeRow, "route_changes", wanted)
