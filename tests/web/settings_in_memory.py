"""A configuration and a look into a database for tests: what they change are plain attributes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from web.config_documents import (
    EffectiveConfigDocument,
    HostSettingsDocument,
    SectionDocument,
    SettingDocument,
)
from web.documents import ConfigDocument
from web.history import HistoryUnavailable
from web.holdings_documents import HoldingsDocument, RollupDocument, SchemaDocument, TableDocument

START = datetime(2026, 1, 1, tzinfo=UTC)


def example_config() -> EffectiveConfigDocument:
    """Of two hosts; one key is the default, one is written, one waits for a restart."""
    storage = (
        SettingDocument(
            key="url",
            value="postgresql://db.lan/fleet",
            is_default=False,
            written="storage.url",
            hidden=True,
        ),
        SettingDocument(key="batch_age", value=1.0, unit="seconds"),
        SettingDocument(
            key="readers",
            value=4,
            is_default=False,
            written="storage.readers",
            waits=True,
            after_restart=8,
        ),
    )
    port = SettingDocument(key="port", value=2222, is_default=False, written="defaults.ssh.port")
    return EffectiveConfigDocument(
        config=ConfigDocument(source="/etc/fleet/hosts.toml", loaded=START),
        mistakes=(),
        sections=(
            SectionDocument(
                name="fleet", settings=(SettingDocument(key="listen", value="127.0.0.1:8080"),)
            ),
            SectionDocument(name="storage", settings=storage),
        ),
        hosts=(
            HostSettingsDocument(
                name="one",
                connection="ssh",
                target="ssh://fleet@one.lan:2222",
                enabled=True,
                labels={"site": "fra"},
                overrides=(port,),
            ),
            HostSettingsDocument(
                name="two",
                connection="local",
                target="unix:///run/docker.sock",
                enabled=False,
                labels={},
                overrides=(),
            ),
        ),
        routes=(),
    )


class HoldingsInMemory:
    """Implements `web.holdings.Holdings`."""

    def __init__(self) -> None:
        self.away = ""
        self.newest: HoldingsDocument | None = None

    async def look(self) -> HoldingsDocument:
        if self.away:
            raise HistoryUnavailable(self.away)
        self.newest = HoldingsDocument(
            asked=START,
            database="127.0.0.1/fleet",
            edition="timescaledb-community",
            postgresql="16.4",
            timescaledb="2.17",
            schema=SchemaDocument(applied=12, known=12, pending=()),
            tables=(
                _table("containers", rows=3),
                _table("container_samples", rows=1_000_000, days=7),
            ),
            rollups=(
                RollupDocument(
                    name="container_samples", by_itself=False, rolled_up_to=START, late_hours=2
                ),
            ),
            bytes=3 * 2**20,
        )
        return self.newest


def _table(name: str, rows: int, days: int | None = None) -> TableDocument:
    return TableDocument(
        name=name,
        kind=None if days is None else "samples",
        shape="plain" if days is None else "hypertable",
        parts=0 if days is None else 7,
        rows=rows,
        bytes=2**20,
        index_bytes=2**18,
        compressed_bytes=0 if days is None else 2**19,
        oldest=None if days is None else START - timedelta(days=7),
        newest=None if days is None else START,
        retention_days=days,
        deleted_next=None if days is None else START,
    )
