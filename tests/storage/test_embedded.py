"""The embedded server, with real kills and real leftovers."""

# ruff: noqa: ASYNC220, ASYNC221, ASYNC240 - these tests share their loop with nobody

import os
import pwd
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psycopg
import pytest
import trio

from storage import account, binaries
from storage.cluster import sockets_of
from storage.embedded import embedded_server
from storage.errors import EmbeddedServerError
from tests.storage.programs import Program, postgres_processes, postmaster_pid, served, until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about what root does")


def _count(conninfo: str, table: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(b"SELECT count(*) FROM " + table.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _fill(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")


async def test_a_new_directory_is_served_privately_and_left_without_processes(
    new_dir: Path,
) -> None:
    async with embedded_server(new_dir) as conninfo:
        assert _count(conninfo, "pg_database WHERE datname = 'fleet'") == 1
        with psycopg.connect(conninfo) as connection:
            addresses = connection.execute("SHOW listen_addresses").fetchone()
        assert addresses == ("",)
        assert (new_dir / "postgres-run").stat().st_mode & 0o777 == 0o700
        assert (new_dir / "postgres").stat().st_mode & 0o777 == 0o700
    assert postgres_processes(new_dir) == []
    assert not list(new_dir.glob("postgres-unfinished-*"))


async def test_data_outlives_a_stop(data_dir: Path) -> None:
    async with embedded_server(data_dir) as conninfo:
        _fill(conninfo)
    async with embedded_server(data_dir) as conninfo:
        assert _count(conninfo, "kept") == 1000


@pytest.mark.parametrize("mode", ["signal", "pipe"])
def test_a_killed_parent_leaves_no_postgres_and_the_next_start_recovers(
    data_dir: Path, mode: str
) -> None:
    program = Program(data_dir, mode)
    _fill(program.conninfo)
    assert postgres_processes(data_dir)
    program.end(signal.SIGKILL)
    until(lambda: postgres_processes(data_dir) == [], "postgres ends after its parent")
    with served(data_dir, mode) as again:
        assert _count(again.conninfo, "kept") == 1000


def test_the_next_start_does_not_need_to_wait_for_the_last_to_be_gone(data_dir: Path) -> None:
    for _ in range(3):
        program = Program(data_dir)
        assert _count(program.conninfo, "pg_class") > 0
        program.end(signal.SIGKILL)
    with served(data_dir) as last:
        assert _count(last.conninfo, "pg_class") > 0


async def test_a_second_program_refuses_and_names_the_first(data_dir: Path) -> None:
    with served(data_dir) as first:
        with pytest.raises(EmbeddedServerError, match=rf"process {first.pid}\b.*data_dir"):
            async with embedded_server(data_dir):
                pass
        assert _count(first.conninfo, "pg_class") > 0


@pytest.mark.parametrize(
    "left", ["{mine}\n/somewhere\n", "", "12", "rubbish\n", "-5\n", "1\n", "99999999\n"]
)
async def test_a_stale_pid_file_is_no_obstacle(data_dir: Path, left: str) -> None:
    stale = data_dir / "postgres" / "postmaster.pid"
    stale.write_text(left.format(mine=os.getpid()))
    with trio.fail_after(60):
        async with embedded_server(data_dir) as conninfo:
            assert _count(conninfo, "pg_class") > 0


async def test_a_killed_server_that_nobody_reaps_is_no_obstacle(data_dir: Path) -> None:
    owner = (data_dir / "postgres").stat().st_uid  # PostgreSQL heeds processes of its own user only
    zombie = subprocess.Popen(["/bin/true"], user=owner)
    ended = partial(os.waitid, os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    await trio.to_thread.run_sync(ended)
    sockets = sockets_of(data_dir)
    written = f"{zombie.pid}\n{data_dir / 'postgres'}\n1\n5432\n{sockets}\n\n"
    (data_dir / "postgres" / "postmaster.pid").write_text(written)
    (sockets / ".s.PGSQL.5432.lock").write_text(written)
    with trio.fail_after(60):
        async with embedded_server(data_dir) as conninfo:
            assert _count(conninfo, "pg_class") > 0
    zombie.poll()


async def test_a_foreign_server_on_the_directory_is_left_alone(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.stale_pid.LEAVING_SECONDS", 0.1)
    with served(data_dir) as first:
        (data_dir / "postgres.lock").unlink()  # as if that server were not fleet's
        pid = postmaster_pid(data_dir)
        with pytest.raises(EmbeddedServerError, match=rf"process {pid}, is serving"):
            async with embedded_server(data_dir):
                pass
        assert _count(first.conninfo, "pg_class") > 0


async def test_another_version_is_refused_and_untouched(data_dir: Path) -> None:
    version = data_dir / "postgres" / "PG_VERSION"
    version.write_text("16\n")
    before = sorted(path.name for path in data_dir.rglob("*"))
    with pytest.raises(EmbeddedServerError, match=r"PostgreSQL 16.*brings 18.*db upgrade"):
        async with embedded_server(data_dir):
            pass
    assert sorted(path.name for path in data_dir.rglob("*")) == before


async def test_a_folder_that_is_no_cluster_is_refused(new_dir: Path) -> None:
    (new_dir / "postgres").mkdir()
    (new_dir / "postgres.lock").touch()
    if os.geteuid() == 0:
        entry = pwd.getpwnam("nobody")
        os.chown(new_dir / "postgres", entry.pw_uid, entry.pw_gid)
    with pytest.raises(EmbeddedServerError, match="no PG_VERSION"):
        async with embedded_server(new_dir):
            pass


async def test_a_server_that_dies_is_started_again(data_dir: Path) -> None:
    async with embedded_server(data_dir) as conninfo:
        _fill(conninfo)
        first = postmaster_pid(data_dir)
        os.kill(first, signal.SIGKILL)
        with trio.fail_after(20):
            while not _answers(conninfo):  # noqa: ASYNC110 - another process sets no event
                await trio.sleep(0.02)
        assert postmaster_pid(data_dir) != first
        assert _count(conninfo, "kept") == 1000
    assert postgres_processes(data_dir) == []


def _answers(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


async def test_an_interrupted_first_start_is_made_good(new_dir: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.embedded_program", str(new_dir), "signal"]
    )
    until(lambda: bool(list(new_dir.glob("postgres-unfinished-*/base"))), "initdb is under way")
    with program:
        program.kill()
    assert not (new_dir / "postgres").exists()
    async with embedded_server(new_dir) as conninfo:
        assert _count(conninfo, "pg_class") > 0
    assert not list(new_dir.glob("postgres-unfinished-*"))


async def test_an_endless_path_still_gets_a_socket(new_dir: Path) -> None:
    deep = new_dir.joinpath(*["long" * 5] * 5)
    deep.parent.mkdir(parents=True)
    new_dir.chmod(0o711)
    async with embedded_server(deep) as conninfo:
        assert _count(conninfo, "pg_class") > 0
        sockets = Path(str(psycopg.conninfo.conninfo_to_dict(conninfo)["host"]))
        assert sockets.stat().st_mode & 0o777 == 0o700
    sockets.rmdir()


async def test_stopping_interrupts_a_query(data_dir: Path) -> None:
    async with embedded_server(data_dir) as conninfo:
        connection = psycopg.connect(conninfo)
        connection.pgconn.send_query(b"SELECT pg_sleep(60)")
        began = time.monotonic()
    assert time.monotonic() - began < 20
    connection.close()


@as_root
async def test_root_hands_the_server_to_somebody_else(data_dir: Path) -> None:
    async with embedded_server(data_dir):
        owner = (data_dir / "postgres").stat().st_uid
        assert owner != 0
        for pid in postgres_processes(data_dir):
            assert Path(f"/proc/{pid}").stat().st_uid == owner


@as_root
async def test_root_opens_nothing_that_is_not_fleets(new_dir: Path) -> None:
    closed = new_dir / "closed"
    closed.mkdir(mode=0o700)
    (closed / "something").touch()
    new_dir.chmod(0o755)
    for data_dir in (closed, closed / "fleet"):
        with pytest.raises(EmbeddedServerError, match=rf"may not enter {closed} .*/var/lib/fleet"):
            async with embedded_server(data_dir):
                pass
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
async def test_root_lets_the_server_into_a_folder_of_fleets_own(data_dir: Path) -> None:
    (data_dir / "run").mkdir()
    os.chown(data_dir, 0, 0)
    data_dir.chmod(0o750)
    async with embedded_server(data_dir) as conninfo:
        assert _count(conninfo, "pg_class") > 0
    assert data_dir.stat().st_mode & 0o777 == 0o710
    assert data_dir.stat().st_gid == (data_dir / "postgres").stat().st_gid


@as_root
def test_root_without_anybody_to_hand_to_is_told_so(new_dir: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="no user nosuch or neither"):
        account.server_account(new_dir / "postgres", ("nosuch", "neither"))


@as_root
async def test_programs_that_the_account_cannot_reach_are_copied(
    data_dir: Path, new_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = binaries.bundled_programs()
    hidden = new_dir / bundled.parent.name
    hidden.mkdir()
    libraries = bundled.parent.with_suffix(".libs")
    (new_dir / libraries.name).symlink_to(libraries)
    subprocess.run(["cp", "-a", str(bundled), str(hidden)], check=True)
    new_dir.chmod(0o700)
    older = data_dir / f"{binaries.COPY_PREFIX}older"
    older.mkdir()
    monkeypatch.setattr(binaries, "bundled_programs", lambda _: hidden / bundled.name)
    async with embedded_server(data_dir) as conninfo:
        assert _count(conninfo, "pg_class") > 0
        program = Path(f"/proc/{postmaster_pid(data_dir)}/exe").readlink()
        assert program.is_relative_to(data_dir)
        assert program.stat().st_uid == 0
    assert not older.exists()
