"""`fleet db` against real databases: external ones, and the embedded one with and without fleet."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from storage.batch import batch_of, write_batch
from storage.migrate import SCHEMA, upgrade
from storage.sizes import TableSize
from storage.spool_files import locked
from tests.cli.running import Fleet, plain
from tests.lab.fixtures import Lab
from tests.lab.postgres import PostgresServer
from tests.lab.runs import new_part
from tests.storage.archived import content, everything
from tests.storage.programs import served
from tests.storage.servers import Server


@pytest.fixture(scope="module")
def plain_server(session_lab: Lab) -> PostgresServer:
    return session_lab.postgres("plain")


@pytest.fixture
def conninfo(plain_server: PostgresServer) -> str:
    return Server("plain", plain_server.url).emptied()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = new_part("f")  # pytest's own cannot be entered by the embedded server's account
    yield folder / "data"
    shutil.rmtree(folder)


def _fleet(folder: Path, data_dir: Path, url: str | None) -> Fleet:
    storage = f'[storage]\nurl = "{url}"\n' if url else ""
    path = folder / "hosts.toml"
    path.write_text(f'[fleet]\ndata_dir = "{data_dir}"\n{storage}[hosts.a]\nconnection = "local"\n')
    return Fleet(path)


@pytest.fixture
def fleet(tmp_path: Path, conninfo: str) -> Fleet:
    """The command with an empty database of its own."""
    return _fleet(tmp_path, tmp_path / "data", conninfo)


def _fill(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}, public".encode())
        upgrade(connection, "it")
        write_batch(connection, batch_of(everything()))


def test_migrate_tells_what_is_pending_and_does_it(fleet: Fleet) -> None:
    assert "schema: none yet" in fleet.out("db", "status")
    checked = fleet.run("db", "migrate", "--check")
    assert checked.returncode == 1
    assert "pending 0001_history" in checked.stderr
    done = json.loads(fleet.out("db", "migrate", "--json"))
    assert (done["version"], done["applied"]) == (0, True)
    assert len(done["steps"]) == done["known"]
    again = fleet.run("db", "migrate", "--check")
    assert (again.returncode, "nothing to do" in again.stderr) == (0, True)


def test_status_tells_shape_rows_bytes_and_times(fleet: Fleet, conninfo: str) -> None:
    _fill(conninfo)
    found = json.loads(fleet.out("db", "status", "--json"))
    assert (found["edition"], found["schema"]["pending"]) == ("plain", [])
    tables = {table["name"]: table for table in found["tables"]}
    stats = tables["container_stats"]
    assert (stats["shape"], stats["rows"], stats["retention_days"]) == ("partitioned", 61, 7)
    assert (stats["oldest"], stats["newest"]) == ("2026-03-01T12:00:00Z", "2026-03-01T14:00:00Z")
    assert (tables["hosts"]["shape"], tables["hosts"]["rows"]) == ("plain", 1)
    assert set(stats) == set(TableSize.__struct_fields__)
    assert found["bytes"] > sum(table["bytes"] for table in found["tables"])
    assert found["spool"] == {"rows": 0, "bytes": 0, "oldest": None}
    assert found["rollups"][0]["rolled_up_to"] is None
    shown = fleet.out("db", "status")
    assert "container_stats" in shown
    assert "2026-03-01T14:00:00Z" in shown


def test_backup_and_restore(fleet: Fleet, conninfo: str, tmp_path: Path) -> None:
    _fill(conninfo)
    wanted, file = content(conninfo), tmp_path / "history.fleet"
    done = fleet.run("db", "backup", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    assert "container_stats: 61 rows" in done.stderr
    assert str(file) in done.stderr
    Server("plain", conninfo).emptied()
    brought = json.loads(fleet.out("db", "restore", str(file), "--json"))
    assert brought["rows"]["container_stats"] == brought["new"]["container_stats"] == 61
    assert content(conninfo) == wanted
    again = fleet.run("db", "restore", str(file))
    assert (again.returncode, content(conninfo)) == (0, wanted)


def test_a_person_sees_how_far_it_is(fleet: Fleet, conninfo: str, tmp_path: Path) -> None:
    _fill(conninfo)
    code, shown = fleet.terminal("db", "backup", str(tmp_path / "history.fleet"))
    assert code == 0, shown
    assert "61 rows" in plain(shown)
    assert "\x1b[" in shown


def test_an_archive_goes_through_a_pipe(fleet: Fleet, conninfo: str, tmp_path: Path) -> None:
    _fill(conninfo)
    file = tmp_path / "history.fleet"
    with fleet.start("db", "backup", "-") as running:
        assert running.stdout is not None
        file.write_bytes(running.stdout.buffer.read())  # type: ignore[attr-defined] # of a text stream
    assert json.loads(fleet.out("db", "restore", str(file), "--json"))["rows"]["host_health"] == 2


def test_what_goes_wrong_is_told_without_a_traceback(
    fleet: Fleet, conninfo: str, tmp_path: Path
) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("milk\n")
    away = _fleet(tmp_path, tmp_path / "data", "postgresql://fleet@127.0.0.1:1/fleet")
    failures = [
        (away.run("db", "status"), "127.0.0.1:1"),
        (away.run("db", "backup", str(tmp_path / "x")), "127.0.0.1:1"),
    ]
    fleet = _fleet(tmp_path, tmp_path / "data", conninfo)
    failures += [
        (fleet.run("db", "restore", str(other)), "is no archive"),
        (fleet.run("db", "restore", str(tmp_path / "none")), "cannot be read"),
        (fleet.run("db", "backup", str(tmp_path / "x")), "holds nothing of fleet's"),
        (fleet.run("db", "upgrade", "--from", "embedded"), "no embedded database"),
    ]
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA fleet CREATE TABLE cars (name text)")
    failures += [
        (fleet.run("db", word), "not fleet's own") for word in ("status", "migrate", "prune")
    ]
    for done, said in failures:
        assert done.returncode == 1, done
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_prune_shows_asks_and_deletes(fleet: Fleet, conninfo: str) -> None:
    _fill(conninfo)
    before = content(conninfo)
    shown = fleet.out("db", "prune", "--dry-run")
    assert "container_events" in shown
    assert "container_stats" not in shown  # they are not rolled up yet
    refused = fleet.run("db", "prune")
    assert (refused.returncode, "nobody to ask" in refused.stderr) == (1, True)
    assert fleet.out("db", "prune", "--older-than", "9999d") == "nothing is that old\n"
    assert content(conninfo) == before
    done = json.loads(fleet.out("db", "prune", "--table", "logs", "--yes", "--json"))
    assert [each["table"] for each in done["old"]] == ["container_logs"]
    assert (done["old"][0]["rows"], done["pruned"]["rows"]) == (10, {"container_logs": 10})
    assert content(conninfo) == {**before, "container_logs": []}


def test_the_embedded_database_beside_a_fleet_and_alone(
    tmp_path: Path, data_dir: Path, conninfo: str
) -> None:
    fleet, file = _fleet(tmp_path, data_dir, None), tmp_path / "history.fleet"
    with served(data_dir) as running:  # holds the data directory, as `fleet up` does
        _fill(running.conninfo)
        wanted = content(running.conninfo)
        assert json.loads(fleet.out("db", "status", "--json"))["schema"]["pending"] == []
        fleet.out("db", "backup", str(file))
        refused = fleet.run("db", "restore", str(file))
        assert refused.returncode == 1
        assert f"process {running.pid}" in refused.stderr
        assert "stop that fleet first" in refused.stderr
    same = fleet.run("db", "upgrade", "--from", "embedded")
    assert (same.returncode, "configured one already" in same.stderr) == (1, True)
    moving = _fleet(tmp_path, data_dir, conninfo)
    outcome = json.loads(moving.out("db", "upgrade", "--from", "embedded", "--json"))
    assert outcome["rows"]["container_stats"] == 61
    assert outcome["kept"] == str(data_dir / "postgres")
    assert content(conninfo) == wanted


def test_a_fleet_that_runs_elsewhere_on_the_data_folder_is_not_disturbed(
    fleet: Fleet, conninfo: str, tmp_path: Path
) -> None:
    _fill(conninfo)
    file = tmp_path / "history.fleet"
    with locked(tmp_path / "data" / "spool"):  # as `fleet up` does
        fleet.out("db", "backup", str(file))
        for words in (["restore", str(file)], ["upgrade"], ["upgrade", "--from", "embedded"]):
            done = fleet.run("db", *words)
            assert done.returncode == 1
            assert "stop that fleet first" in done.stderr
    fleet.out("db", "restore", str(file))


def test_a_database_that_gets_timescaledb_is_brought_along(
    session_lab: Lab, tmp_path: Path
) -> None:
    server = session_lab.postgres("timescaledb-apache")
    server.sql("DROP EXTENSION timescaledb")
    server.terminate()
    server.settings["shared_preload_libraries"] = ""
    server.start_again()
    fleet = _fleet(tmp_path, tmp_path / "data", server.url)
    _fill(server.url)
    wanted = content(server.url)
    server.terminate()
    del server.settings["shared_preload_libraries"]
    server.start_again()
    server.sql("CREATE EXTENSION timescaledb")
    done = fleet.run("db", "upgrade", "--json")
    outcome = json.loads(done.stdout)
    assert outcome["now"]["edition"] == "timescaledb-apache"
    assert "container_stats: " in done.stderr
    assert content(server.url) == wanted
    shapes = json.loads(fleet.out("db", "status", "--json"))["tables"]
    assert {t["shape"] for t in shapes if t["retention_days"]} == {"hypertable"}
