"""A setting of the machine's kernel that a test needs, for as long as it runs."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.lab.owners import BASE
from tests.lab.runs import run_folder

MIGRATE = Path("/proc/sys/net/ipv4/tcp_migrate_req")


@contextmanager
def migrated_connections() -> Iterator[bool]:
    """Have connections that wait at a listener which closes go to another one of its port.

    False: this kernel, older than 5.14, knows no such thing. The last of several test runs at once
    puts back what was; the file that tells of it outlives one that is killed.
    """
    if not MIGRATE.exists():
        yield False
        return
    run_folder()
    with (BASE / "tcp_migrate_req").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if (before := MIGRATE.read_text().strip()) != "1":
            MIGRATE.write_text("1")
            file.truncate(0)
            file.write(before)
            file.flush()
        try:
            yield True
        finally:
            with suppress(BlockingIOError):  # another run needs it, too
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file.seek(0)
                if before := file.read():
                    MIGRATE.write_text(before)
                    file.truncate(0)
