"""PostgreSQL with TimescaleDB (Apache edition) from Debian 13, runnable on older systems too.

The programs are patched to use the C library they were built for, by a path that is fixed when
they are fetched. It lies in the lab's folder in /tmp, since a server runs as an account that may
not enter the cache in root's home; what is there are hard links where the file system allows them.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.lab.apt import PrivateApt, say
from tests.lab.cache import cache_folder, program
from tests.lab.errors import MissingPartError
from tests.lab.owners import BASE, locked

MAJOR = 17
SUITE = "trixie"
PACKAGES = [
    f"postgresql-{MAJOR}",
    f"postgresql-{MAJOR}-timescaledb",
    *("libc6", "libpq5", "libssl3t64", "libicu76", "libxml2", "liblz4-1", "libzstd1"),
    *("libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libkrb5support0", "libcom-err2"),
    *("libkeyutils1", "libldap2", "libsasl2-2", "libpam0g", "libaudit1", "libcap-ng0"),
    *("libselinux1", "libsystemd0", "libcap2", "liblzma5", "libstdc++6", "libgcc-s1", "zlib1g"),
    *("libpcre2-8-0", "libnuma1"),
]
PROGRAMS = Path(f"usr/lib/postgresql/{MAJOR}/bin")
SHARE = Path(f"usr/share/postgresql/{MAJOR}")


def _cached() -> Path | None:
    """Return the fetched root; its name, made once, is its name in the lab's folder too."""
    found = sorted((cache_folder() / "postgres").glob("postgres-*"))
    return found[-1] if found else None


def postgres_root() -> Path:
    """Return the root with the programs, in a place that every account can reach.

    Raises:
        MissingPartError: it has not been fetched.
    """
    cached = _cached()
    if cached is None:
        raise MissingPartError("PostgreSQL is not fetched (python -m tests.lab.packages)")
    reachable = BASE / cached.name
    with locked():
        if not reachable.exists():
            unfinished = BASE / f"unfinished-{cached.name}"
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(cached, unfinished, symlinks=True, copy_function=link_or_copy)
            unfinished.rename(reachable)
    return reachable


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Make ``target`` another name of the file ``source``, or a copy on another file system."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def fetch_postgres(*, refresh: bool = False) -> None:
    """Fetch PostgreSQL and TimescaleDB if the cache lacks them, or anew."""
    folder = cache_folder()
    (folder / "postgres").mkdir(parents=True, exist_ok=True)
    with (folder / "postgres-lock").open("w") as lock:  # Engines are fetched at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = _cached()
        if old and not refresh:
            return
        begun = time.monotonic()
        say(f"fetching PostgreSQL {MAJOR} with TimescaleDB of Debian {SUITE}")
        with tempfile.TemporaryDirectory(dir=folder) as name:
            root = Path(name) / "root"
            PrivateApt(Path(name) / "apt", SUITE).unpack(PACKAGES, root)
            # The time in front: the newest sorts last should a removal be interrupted.
            final = f"postgres-{time.time_ns():x}-{secrets.token_hex(2)}"
            _patch(root, BASE / final)
            _drop_surplus(root)
            root.rename(folder / "postgres" / final)
        if old:
            shutil.rmtree(old)
    say(f"PostgreSQL {MAJOR} is there, {time.monotonic() - begun:.1f} s")


def _patch(root: Path, home: Path) -> None:
    """Bind the server's programs to the loader and the libraries that came with them."""
    (loader,) = root.glob("usr/lib/*-linux-gnu*/ld-linux-*.so.*")
    loader = home / loader.relative_to(root)
    patch = [program("patchelf", "patchelf"), "--force-rpath", "--set-rpath", str(loader.parent)]
    for name in ("postgres", "initdb"):
        target = str(root / PROGRAMS / name)
        subprocess.run([*patch, "--set-interpreter", str(loader), target], check=True)


def _drop_surplus(root: Path) -> None:
    """Remove what servers of the lab never read, and the compiler whose library is not fetched."""
    for name in ("etc", "var", "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/sbin"):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(root / name)
    for path in (root / PROGRAMS.parent / "lib").glob("llvmjit*"):
        path.unlink()
    shutil.rmtree(root / PROGRAMS.parent / "lib" / "bitcode", ignore_errors=True)
