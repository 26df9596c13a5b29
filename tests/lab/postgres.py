"""A real PostgreSQL server, with or without TimescaleDB, which a test can break."""

import functools
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

import psycopg
from psycopg.conninfo import make_conninfo

from tests.lab.cache import program
from tests.lab.errors import LabError
from tests.lab.freeze import freeze, signal_all, thaw
from tests.lab.ports import free_port
from tests.lab.postgres_programs import PROGRAMS, SHARE, link_or_copy, postgres_root
from tests.lab.reap import kill_processes, processes_of, reap_part
from tests.lab.runs import log_tail, new_part, run, start
from tests.lab.tls import TlsFiles
from tests.lab.waiting import wait_until

Kind = Literal["plain", "timescaledb-apache"]

ACCOUNT = "nobody"  # PostgreSQL refuses to run as root
SUPERUSER = "postgres"
USER = "fleet"
DATABASE = "fleet"

_PATIENCE = 20.0
_READY_LINE = 7  # of postmaster.pid

_SETTINGS = {
    "unix_socket_permissions": "0777",
    "max_connections": "40",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "autovacuum_max_workers": "1",
    "autovacuum_naptime": "1h",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "fsync": "off",  # tests kill processes, not machines
    "full_page_writes": "off",
}
_TIMESCALE = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "0",  # they would work on their own beside the test
}


class PostgresServer:
    """A running server; a context manager that removes everything of it at the end.

    The user ``fleet`` owns the database ``fleet``, which is empty but for the extension in the kind
    ``timescaledb-apache``.

    Attributes:
        kind: ``plain`` or ``timescaledb-apache``.
        address: host and port on the loopback.
        sockets: the folder of its Unix socket.
        password: of ``fleet``, None when it needs none.
    """

    def __init__(
        self,
        kind: Kind = "plain",
        *,
        password: str | None = None,
        tls: TlsFiles | None = None,
        settings: Mapping[str, str] | None = None,
        disk_bytes: int | None = None,
    ) -> None:
        """Make a server and start it.

        Args:
            kind: with or without TimescaleDB.
            password: what ``fleet`` must present over TCP.
            tls: serve TLS with these files, and refuse TCP connections without it.
            settings: of postgresql.conf; they win over the lab's.
            disk_bytes: give it a file system of its own of this size.

        Raises:
            MissingPartError: PostgreSQL is not fetched.
            LabError: it did not come up; the message holds its log.
        """
        self.kind = kind
        self.password = password
        self.settings = dict(settings or {})
        self.address = ("127.0.0.1", free_port())
        self._tls = tls
        self._root = postgres_root()
        self._account = pwd.getpwnam(ACCOUNT)
        self.folder = new_part("p")
        self.sockets = self.folder / "s"
        self._data = self.folder / "d"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._prepare(disk_bytes)
            self.start_again()
            self._populate()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The database's URL over TCP, without the password."""
        return "postgresql://{}@{}:{}/{}".format(USER, *self.address, DATABASE)

    @property
    def socket_url(self) -> str:
        """The same database by its Unix socket, where no password is asked for."""
        folder = quote(str(self.sockets), safe="")
        return f"postgresql://{USER}@{folder}:{self.address[1]}/{DATABASE}"

    @property
    def admin_url(self) -> str:
        """The superuser's way in, by the Unix socket."""
        folder = quote(str(self.sockets), safe="")
        return f"postgresql://{SUPERUSER}@{folder}:{self.address[1]}/{DATABASE}"

    def start_again(self) -> None:
        """Start the server (again) with ``settings`` as they are now, and wait until it is ready.

        Raises:
            LabError: it still runs, or does not come up.
        """
        if self._process and self._process.poll() is None:
            raise LabError(f"the server in {self.folder} still runs")
        process = self._process = start(
            [*self._unprivileged(), self._bin / "postgres", "-D", self._data, *self._options()],
            self.folder,
        )

        def up() -> bool:
            if process.poll() is not None:
                raise LabError(f"PostgreSQL ended at once:\n{log_tail(self.folder)}")
            return _says_ready(self._data / "postmaster.pid", process.pid)

        wait_until(up, "PostgreSQL is ready", _PATIENCE, every=0.01)

    def sql(self, *statements: str, database: str = DATABASE) -> None:
        """Run statements as the superuser, each by itself."""
        conninfo = make_conninfo(self.admin_url, dbname=database)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rules(self, *lines: str) -> None:
        """Put these pg_hba.conf lines before the server's own, in force at the next connection."""
        (self._data / "pg_hba.conf").write_text("\n".join([*lines, *self._hba()]) + "\n")
        self.sql("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """Kill every process of the server at once."""
        kill_processes(self.folder)
        self._reap()

    def terminate(self) -> None:
        """Stop the server as an administrator would; connections are ended."""
        self._signal_server(signal.SIGINT)
        self._reap()

    def pause(self) -> None:
        """Leave the server and its connections alive but silent."""
        freeze(processes_of(self.folder))

    def resume(self) -> None:
        """Let a paused server go on."""
        thaw(processes_of(self.folder))

    def fill_disk(self) -> None:
        """Leave no room on the server's file system, one of its own by `disk_bytes`."""
        if not self._data.is_mount():
            raise LabError("a server without `disk_bytes` shares the machine's disk")
        with (self._data / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(2**16))

    def empty_disk(self) -> None:
        """Give the room back."""
        (self._data / "filler").unlink()

    def close(self) -> None:
        """End the server and remove every trace."""
        self.kill()
        reap_part(self.folder)

    @property
    def _bin(self) -> Path:
        return self.folder / PROGRAMS

    def _unprivileged(self) -> list[str]:
        return _as(self._account)

    def _prepare(self, disk_bytes: int | None) -> None:
        _link_programs(self._root, self.folder)
        for folder in (self.sockets, self._data):
            folder.mkdir()
        if disk_bytes is not None:
            run(["mount", "-t", "tmpfs", "-o", f"size={disk_bytes}", "tmpfs", self._data])
        _own(self.sockets, self._account, 0o755)
        _own(self._data, self._account, 0o700)
        run(["cp", "-a", f"{_initialized(self._root, self._account)}/.", self._data])
        (self._data / "pg_hba.conf").write_text("\n".join(self._hba()) + "\n")
        if self._tls:
            for source, name in ((self._tls.cert, "server.crt"), (self._tls.key, "server.key")):
                shutil.copyfile(source, self._data / name)
                _own(self._data / name, self._account, 0o600)

    def _hba(self) -> list[str]:
        host = "hostssl" if self._tls else "host"
        method = "trust" if self.password is None else "scram-sha-256"
        return ["local all all trust", f"{host} all all 127.0.0.1/32 {method}"]

    def _options(self) -> list[str]:
        settings = {
            **_SETTINGS,
            **(_TIMESCALE if self.kind == "timescaledb-apache" else {}),
            "listen_addresses": self.address[0],
            "port": str(self.address[1]),
            "unix_socket_directories": str(self.sockets),
            "ssl": "on" if self._tls else "off",
            **self.settings,
        }
        return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]

    def _populate(self) -> None:
        secret = "NULL" if self.password is None else f"'{self.password}'"
        self.sql(
            f"CREATE ROLE {USER} LOGIN PASSWORD {secret}",
            f"CREATE DATABASE {DATABASE} OWNER {USER} STRATEGY file_copy",
            database=SUPERUSER,
        )
        if self.kind == "timescaledb-apache":
            self.sql("CREATE EXTENSION timescaledb")

    def _signal_server(self, number: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            signal_all(number, [self._process.pid])

    def _reap(self) -> None:
        if self._process:
            self._process.wait(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _as(account: pwd.struct_passwd) -> list[str]:
    words = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}"]
    return [program("setpriv", "util-linux"), *words, "--clear-groups", "--"]


def _own(path: Path, account: pwd.struct_passwd, mode: int) -> None:
    os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(mode)


def _link_programs(root: Path, part: Path) -> None:
    """Give a part names of its own for the programs: its processes, and no others, run them."""
    (part / PROGRAMS).mkdir(parents=True)
    for name in ("postgres", "initdb"):
        link_or_copy(root / PROGRAMS / name, part / PROGRAMS / name)
    (part / PROGRAMS.parent / "lib").symlink_to(root / PROGRAMS.parent / "lib")
    (part / SHARE).parent.mkdir(parents=True)
    (part / SHARE).symlink_to(root / SHARE)


@functools.cache
def _initialized(root: Path, account: pwd.struct_passwd) -> Path:
    """The files of a server that never ran: to make them takes longer than all else of a start."""
    part = new_part("i")
    _link_programs(root, part)
    data = part / "d"
    data.mkdir()
    _own(data, account, 0o700)
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb: list[str | Path] = [part / PROGRAMS / "initdb", "-D", data, "-U", SUPERUSER]
    run([*_as(account), *initdb, *locale, "-A", "trust", "--no-sync", "-E", "UTF8"])
    return data


def _says_ready(path: Path, pid: int) -> bool:
    """Tell whether the server with this pid says so; a killed one's file may still lie there."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return False
    return (
        len(lines) > _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE].strip() == "ready"
    )
