"""Which server it is that answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from storage.sessions import Connection

Edition = Literal["plain", "timescaledb-apache", "timescaledb-community"]

_EDITION = """
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
       current_setting('timescaledb.license', true),
       current_setting('server_version')
"""


class About(msgspec.Struct, frozen=True):
    """Which server answers: its edition, and the versions of PostgreSQL and TimescaleDB."""

    edition: Edition
    version: str
    timescaledb: str | None


def about(connection: Connection) -> About:
    """Ask the server."""
    row = connection.execute(_EDITION).fetchone()
    timescaledb, license_name, version = row or (None, None, "")
    if timescaledb is None or license_name is None:  # not made in this database, or not loaded
        return About("plain", str(version), None)
    community = license_name == "timescale"
    edition: Edition = "timescaledb-community" if community else "timescaledb-apache"
    return About(edition, str(version), str(timescaledb))
