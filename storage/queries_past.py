"""What was: containers also when they were removed, their events and runs, images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from config.models import Storage
from storage.asking import MOST_ROWS, ask, check_span, rows
from storage.database import Database
from storage.records import ImageUse, ImageVersion, Interval, RecordedContainer
from storage.rows import ContainerRow, EventRow
from storage.sessions import Connection
from storage.tables import clean
from storage.uptime import Uptime, uptime

MOST_RECORDED = 1_000
SILENCE = timedelta(seconds=100)  # three missed observations of a host and a little: not watched

_ID = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})")


class ImagePast(msgspec.Struct, frozen=True, kw_only=True):
    """What an image's reference or id meant, and who used it; newest first."""

    versions: list[ImageVersion]
    uses: list[ImageUse]


class PastQueries:
    """Questions about what was.

    Args:
        database: Is read.
        settings: `[storage]`: how long a range of single rows may be.
    """

    def __init__(self, database: Database, settings: Storage) -> None:
        self._database = database
        self._most = timedelta(days=settings.query_days)

    async def recorded(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> list[RecordedContainer]:
        """The containers that fit `ref` best, and by name or identity all that share the identity.

        Newest first; at most 1,000. None means any host, else it is one of `hosts`.
        """
        wanted = {
            **_on(host, hosts),
            "ref": clean(ref),
            "limit": MOST_RECORDED,
        }
        return await ask(self._database, RecordedContainer, "recorded_containers", wanted)

    async def events(
        self, host: str, containers: Sequence[str], start: datetime, end: datetime, limit: int
    ) -> list[EventRow]:
        """The newest events of the range, newest first.

        Raises:
            QueryLimitError: the range is empty or longer than `query_days`.
        """
        check_span(start, end, self._most)
        wanted = {
            **_of(host, containers),
            "start": start,
            "end": end,
            "limit": min(limit, MOST_ROWS),
        }
        return await ask(self._database, EventRow, "container_events", wanted)

    async def uptime(
        self, host: str, containers: Sequence[str], start: datetime, end: datetime
    ) -> Uptime:
        """How much of the range the containers (incarnations of one another) ran.

        Raises:
            QueryLimitError: as `events`.
        """
        check_span(start, end, self._most)
        until = max(start, min(end, datetime.now(UTC)))
        wanted = {
            **_of(host, containers),
            "start": start,
            "end": until,
            "limit": MOST_ROWS,
            "silence": SILENCE,
            "reach": self._most,
        }

        def read(connection: Connection) -> Uptime:
            lives = rows(connection, ContainerRow, "lives", wanted)
            events = rows(connection, EventRow, "life_events", wanted)
            unwatched = rows(connection, Interval, "unwatched", wanted)
            found = uptime(lives, events[::-1], unwatched, Interval(start=start, end=until))
            return msgspec.structs.replace(found, truncated=len(events) == MOST_ROWS)

        return await self._database.read(read)

    async def image(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> ImagePast:
        """What `ref` meant: an image's id, at least four digits of it, or a reference.

        None means any host, else it is one of `hosts`.
        """
        match = _ID.fullmatch(ref)
        wanted = {
            **_on(host, hosts),
            "ref": clean(ref),
            "id": f"sha256:{match[1]}" if match else None,
            "limit": MOST_ROWS,
        }

        def read(connection: Connection) -> ImagePast:
            versions = rows(connection, ImageVersion, "image_versions", wanted)
            ids = sorted({version.image_id for version in versions})
            uses = rows(connection, ImageUse, "image_uses", {**wanted, "ids": ids})
            return ImagePast(versions=versions, uses=uses)

        return await self._database.read(read)


def _on(host: str | None, hosts: Sequence[str] | None) -> dict[str, object]:
    return {
        "host": None if host is None else clean(host),
        "hosts": None if hosts is None else list(map(clean, hosts)),
    }


def _of(host: str, containers: Sequence[str]) -> dict[str, object]:
    return {"host": clean(host), "containers": [clean(name) for name in containers]}
