"""Files of a proxy that are replaced as a whole, and come back if the proxy will not have them.

A file is replaced by a rename, so nobody ever reads half of it. Until the proxy runs with the new
ones, the old ones lie beside them under hidden names: who finds such ones was stopped in between,
and puts them back first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fleet.cli.errors import CommandError

NEW_MODE = 0o644
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OLD, _NONE, _NEW, _LOCK = "old", "none", "new", "lock"


class Files:
    """Some files that belong together, by path. Symbolic links are followed, and stay.

    Args:
        paths: In the order in which they are to be put in place.
    """

    def __init__(self, *paths: Path) -> None:
        self._paths = {path: path.resolve() for path in paths}

    def differ(self, contents: Mapping[Path, bytes]) -> bool:
        """Whether any has other contents than these, or is not there.

        Raises:
            CommandError: One cannot be read.
        """
        with self._explained():
            return any(_read(self._paths[path]) != contents[path] for path in contents)

    def read(self, path: Path) -> bytes:
        """What is in one of them now; nothing if it is not there.

        Raises:
            CommandError: It cannot be read.
        """
        with self._explained():
            return _read(self._paths[path]) or b""

    def put(self, contents: Mapping[Path, bytes]) -> None:
        """Put the contents in place; `keep` or `restore` must follow.

        Raises:
            CommandError: It could not be done; nothing is changed.
        """
        try:
            with self._explained():
                for path in contents:
                    _write_aside(self._paths[path], contents[path])
                for path in contents:
                    _set_aside(self._paths[path])
                for path in contents:
                    _beside(self._paths[path], _NEW).replace(self._paths[path])
                self._sync()
        except CommandError:
            self.restore()
            raise

    def keep(self) -> None:
        """The new ones are right: forget the old ones."""
        with self._explained():
            for path in self._paths.values():
                for word in (_OLD, _NONE, _NEW):
                    _beside(path, word).unlink(missing_ok=True)
            self._sync()

    def restore(self) -> bool:
        """Put back what was there; False if all of it still is."""
        found = False
        with self._explained():
            for path in self._paths.values():
                _beside(path, _NEW).unlink(missing_ok=True)
                found |= _put_back(path)
            self._sync()
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the last file's lock for the length of the block.

        Raises:
            CommandError: Another process holds it, or the folder cannot be written to.
        """
        last = list(self._paths.values())[-1]
        with self._explained():
            lock = os.open(_beside(last, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                pid = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
                raise CommandError(
                    f"another `fleet routes apply` looks after {last}, process {pid or '?'}",
                    "stop it first",
                ) from error
            with self._explained():
                os.ftruncate(lock, 0)
                os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = error.filename or next(reversed(self._paths))  # a write names no file
            hint = "its folder must be there, and this user must be allowed to write in it"
            if error.errno in _FULL:
                hint = "make room; the files are as they were"
            raise CommandError(f"{where}: {error.strerror}", hint) from error

    def _sync(self) -> None:
        for folder in {path.parent for path in self._paths.values()}:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _beside(path: Path, word: str) -> Path:
    """A hidden name in the same folder, which no proxy includes."""
    return path.with_name(f".{path.name}.fleet-{word}")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write_aside(path: Path, content: bytes) -> None:
    """Write the new file with the mode, owner and attributes of the old one."""
    aside = _beside(path, _NEW)
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        if path.exists():
            old = path.stat()
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(aside, old.st_uid, old.st_gid)
            shutil.copystat(path, aside)
            os.utime(aside)
        else:
            aside.chmod(NEW_MODE)
        os.fsync(file.fileno())


def _set_aside(path: Path) -> None:
    if path.exists():
        _beside(path, _OLD).hardlink_to(path)
    else:
        _beside(path, _NONE).touch()


def _put_back(path: Path) -> bool:
    """Undo `_set_aside`, and what came after it; whether anything had."""
    old, none = _beside(path, _OLD), _beside(path, _NONE)
    changed = False
    if old.exists():
        changed = not (path.exists() and old.samefile(path))
        if changed:
            old.replace(path)
        else:
            old.unlink()  # to rename one name of a file to another would leave both
    if none.exists():
        changed = path.exists()
        path.unlink(missing_ok=True)
        none.unlink()
    return changed
