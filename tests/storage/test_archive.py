"""Archives: what is taken out of one database comes into any other, whole or not at all."""

# ruff: noqa: ASYNC230, ASYNC240 - these tests share their loop with nobody

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from storage import archive
from storage.archive import Moved, backup, write_archive
from storage.archive_file import ArchiveError, chunks, verify
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.errors import DatabaseError
from storage.migrate import bundled_migrations
from storage.restoring import restore
from storage.rows import Row
from storage.schema import SchemaState
from storage.shape import ignore
from storage.transfer import transfer
from tests.lab.fixtures import Lab
from tests.storage.archived import (
    close_databases,
    connected,
    content,
    database,
    filled,
    image,
    roll_up,
)
from tests.storage.samples import START, container, host, stats
from tests.storage.servers import Server

KNOWN = bundled_migrations()[-1].version
KINDS = ("embedded", "plain", "timescaledb-apache")
PAIRS = list(zip(KINDS, (*KINDS[1:], KINDS[0]), strict=True))  # each gives once and takes once


def quiet(_progress: Moved) -> None:
    pass


@pytest.fixture(scope="module")
def servers(embedded: Server, session_lab: Lab) -> dict[str, Server]:
    return {
        "embedded": embedded,
        "plain": Server("plain", session_lab.postgres("plain").url),
        "timescaledb-apache": Server(
            "timescaledb-apache", session_lab.postgres("timescaledb-apache").url
        ),
    }


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_databases()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.fleet"


@pytest.fixture
def target(servers: dict[str, Server]) -> str:
    return servers["plain"].emptied()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_every_edition_gives_and_takes(
    servers: dict[str, Server], source: str, target: str, file: Path
) -> None:
    here, there = servers[source].emptied(), servers[target].emptied()
    manifest = await backup(await filled(here), file, quiet)
    wanted = content(here)
    assert manifest.rows == {name: len(rows) for name, rows in wanted.items()}
    assert all(wanted.values())
    restored = await restore(database(there), file, quiet)
    assert content(there) == wanted
    assert restored.rows == restored.written == manifest.rows


async def test_a_second_restore_changes_nothing_and_rollups_go_on(
    embedded_conninfo: str, target: str, file: Path
) -> None:
    await backup(await filled(embedded_conninfo), file, quiet)
    wanted = content(embedded_conninfo)
    into = database(target)
    await restore(into, file, quiet)
    await roll_up(into)
    await restore(into, file, quiet)
    assert content(target) == wanted


async def _written(conninfo: str, *rows: Row) -> Database:
    made = database(conninfo)
    await made.write(lambda connection: write_batch(connection, batch_of(rows)))
    return made


async def test_what_is_newer_stays_and_what_is_older_is_replaced(
    embedded_conninfo: str, target: str, file: Path
) -> None:
    old = await _written(
        embedded_conninfo,
        host(seen=5, target="archived"),
        container("c1", seen=5, state="archived"),
        container("c2", seen=5, state="archived"),
    )
    await backup(old, file, quiet)
    into = await _written(
        target,
        host(seen=9, target="there"),
        container("c1", seen=1, state="there"),
        container("c3", seen=1, state="there"),
    )
    await restore(into, file, quiet)
    with connected(target) as connection:
        assert connection.execute("SELECT target FROM hosts").fetchall() == [("there",)]
        states = connection.execute("SELECT id, state FROM containers ORDER BY id").fetchall()
    assert states == [("c1", "archived"), ("c2", "archived"), ("c3", "there")]


async def test_an_image_was_first_seen_when_either_knows(
    embedded_conninfo: str, target: str, file: Path
) -> None:
    await backup(await _written(embedded_conninfo, image(seen=5, first_seen=1)), file, quiet)
    await restore(await _written(target, image(seen=9, first_seen=8)), file, quiet)
    with connected(target) as connection:
        found = connection.execute("SELECT first_seen, seen FROM docker_images").fetchall()
    seen = image(seen=9, first_seen=1)
    assert found == [(seen.first_seen, seen.seen)]


async def test_samples_of_rolled_up_hours_are_rolled_up_again(
    embedded_conninfo: str, target: str, file: Path
) -> None:
    await backup(await _written(embedded_conninfo, stats(1), stats(4000)), file, quiet)
    into = await _written(target, stats(2))
    with connected(target) as connection:
        connection.execute("UPDATE rollup_progress SET up_to = %s", [START.replace(hour=13)])
        await restore(into, file, quiet)
        late = connection.execute("SELECT DISTINCT name, host, hour FROM rollup_late").fetchall()
    assert late == [("container_stats", "h", START)]


async def test_a_restore_that_was_broken_off_goes_on(
    embedded_conninfo: str, target: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "CHUNK_BYTES", 1000)
    await backup(await filled(embedded_conninfo), file, quiet)
    with trio.CancelScope() as scope:
        await restore(database(target), file, lambda at: scope.cancel() if at.rows > 30 else None)
    some = sum(map(len, content(target).values()))
    wanted = content(embedded_conninfo)
    assert 0 < some < sum(map(len, wanted.values()))
    await restore(database(target), file, quiet)
    assert content(target) == wanted


async def test_a_backup_that_is_broken_off_leaves_the_file_as_it_was(
    embedded_conninfo: str, file: Path
) -> None:
    made = await filled(embedded_conninfo)
    file.write_text("before")
    with trio.CancelScope() as scope:
        await backup(
            made,
            file,
            lambda at: trio.from_thread.run_sync(scope.cancel) if at.table == "hosts" else None,
        )
    assert scope.cancelled_caught
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_text() == "before"


async def test_a_snapshot_is_of_one_moment(embedded_conninfo: str, file: Path) -> None:
    made = await filled(embedded_conninfo)
    wanted = content(embedded_conninfo)

    def disturb(progress: Moved) -> None:
        if progress.table == "hosts" and progress.done:
            with connected(embedded_conninfo) as connection:
                connection.execute("DELETE FROM container_logs")

    manifest = await backup(made, file, disturb)
    assert manifest.rows["container_logs"] == len(wanted["container_logs"])
    assert content(embedded_conninfo)["container_logs"] == []


async def test_no_damage_goes_unnoticed(
    embedded_conninfo: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "CHUNK_BYTES", 20_000)
    await backup(await filled(embedded_conninfo), file, quiet)
    whole, good = list(chunks(verify(file))), file.read_bytes()
    size = len(good)
    for end in {*range(0, size, 307), *range(0, size, 512), *range(size - 40, size)}:
        file.write_bytes(good[:end])
        with pytest.raises(ArchiveError):
            verify(file)
    unnoticed = 0
    for at in range(0, size, 131):
        file.write_bytes(good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :])
        try:
            assert list(chunks(verify(file))) == whole  # the padding of the tar says nothing
            unnoticed += 1
        except ArchiveError:
            pass
    assert unnoticed < size // 131 / 2
    file.write_bytes(good + b"\0" * tarfile.RECORDSIZE)
    assert verify(file).manifest.rows


def _tar(name: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no archive"),
        (b"fleet-arch", "is not whole"),
        (b"SELECT 1;\n" * 1000, "is no archive"),
        (_tar("hosts.toml"), "is no archive"),
        (_tar("fleet-archive.json"), "is damaged"),
    ],
)
def test_another_file_is_no_archive(file: Path, data: bytes, said: str) -> None:
    file.write_bytes(data)
    with pytest.raises(ArchiveError, match=said):
        verify(file)


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="No such file"):
        verify(tmp_path / "none")
    with pytest.raises(ArchiveError, match="Is a directory"):
        verify(tmp_path)


async def test_a_newer_schema_is_refused_before_anything_changes(
    embedded_conninfo: str, target: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await filled(embedded_conninfo)
    with connected(embedded_conninfo) as connection:
        connection.execute(
            "UPDATE schema_migrations SET version = version + 90 WHERE version = %s", [KNOWN]
        )
    with pytest.raises(DatabaseError, match="newer fleet"):
        await backup(made, file, quiet)

    newer = SchemaState(applied=KNOWN + 90, known=KNOWN + 90, pending=[])
    monkeypatch.setattr("storage.archive.schema_state", lambda *_: newer)
    await backup(made, file, quiet)
    monkeypatch.undo()
    with pytest.raises(ArchiveError, match=rf"version {KNOWN + 90} .* knows up to {KNOWN}"):
        await restore(database(target), file, quiet)
    with connected(target) as connection:
        assert connection.execute("SELECT to_regnamespace('fleet')").fetchone() == (None,)


async def test_a_schema_that_is_not_ours_is_left_alone(target: str, file: Path) -> None:
    with connected(target) as connection:
        connection.execute("CREATE SCHEMA fleet")
        connection.execute("CREATE TABLE cars (name text)")
    with pytest.raises(DatabaseError, match="not fleet's own"):
        await backup(database(target), file, quiet)
    assert not list(file.parent.iterdir())


async def test_a_disk_that_is_full_is_told(embedded_conninfo: str, tmp_path: Path) -> None:
    made = await filled(embedded_conninfo)
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="space"):
        await write_archive(made, full, quiet)
    with pytest.raises(ArchiveError, match="cannot be written: No such file"):
        await backup(made, tmp_path / "none" / "history.fleet", quiet)


async def test_history_goes_over_without_a_file(embedded_conninfo: str, target: str) -> None:
    made = await filled(embedded_conninfo)
    wanted = content(embedded_conninfo)
    restored = await transfer(made, database(target), quiet, ignore)
    assert content(target) == wanted == content(embedded_conninfo)
    assert restored.written == {name: len(rows) for name, rows in wanted.items()}


async def test_a_failing_end_ends_the_transfer(embedded_conninfo: str, target: str) -> None:
    with pytest.raises(DatabaseError, match="holds nothing of fleet's"):
        await transfer(database(embedded_conninfo), database(target), quiet, ignore)
    made = await filled(embedded_conninfo)
    into = database(target)
    await into.prepare()
    with connected(target) as connection:
        connection.execute("DROP TABLE host_health CASCADE")
    with trio.fail_after(60), pytest.raises(DatabaseError, match="host_health"):
        await transfer(made, into, quiet, ignore)
