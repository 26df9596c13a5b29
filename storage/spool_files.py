"""The files of a spool: numbered segments, a lock, and copies of what was damaged. For threads."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from storage.batch import Batch, merged
from storage.errors import SpoolError
from storage.spool_records import Damage, decode, scan

DAMAGED_FILES = 8  # copies kept to be looked at
_SUFFIX = ".spool"
_WINDOW = 2**20  # of a segment are read at once, as long as a record fits
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


class Survey(msgspec.Struct, frozen=True):
    """A segment: its size in bytes, its rows by table, and when its first record was made."""

    size: int
    counts: dict[str, int]
    oldest: float | None


class Part(msgspec.Struct, frozen=True):
    """Some records of a segment, up to the offset `end`.

    `counts` are the rows of the intact ones by table, also of those `refused`, which cannot be
    made out; `time` is when the last one was made.
    """

    end: int
    batch: Batch
    counts: dict[str, int]
    refused: dict[str, int]
    damages: list[Damage]
    time: float | None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder` where it is missing, and own it until the end of the block or of the process.

    Raises:
        SpoolError: it cannot be made, or another process owns it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(folder.parent)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SpoolError(
            f"The spool {folder} cannot be opened: {error.strerror}. Set [fleet] data_dir to a"
            " folder on a local disk that fleet may write to."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _lock_refused(folder, error, os.pread(descriptor, 20, 0)) from error
        with contextlib.suppress(OSError):  # on a full disk the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock_refused(folder: Path, error: OSError, holder: bytes) -> SpoolError:
    if error.errno != errno.EWOULDBLOCK:
        return SpoolError(
            f"The spool {folder} cannot be locked ({error.strerror}). Set [fleet] data_dir to a"
            " folder on a local disk."
        )
    pid = holder.decode(errors="replace").strip() or "unknown"
    return SpoolError(
        f"Another fleet, process {pid}, is using {folder}. Stop it, or give this one another"
        " [fleet] data_dir."
    )


def segment_path(folder: Path, number: int) -> Path:
    """Where segment `number` is."""
    return folder / f"{number:012d}{_SUFFIX}"


def segment_numbers(folder: Path) -> list[int]:
    """The segments that are there, oldest first."""
    return sorted(int(path.stem) for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal())


def create(path: Path) -> int:
    """A new segment, on disk with its name; returns a descriptor to append with.

    Its folder is made again where somebody removed it.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(path.parent.parent)
    # It can be read, too: see `put_back`.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        _sync_folder(path.parent)
    except OSError:
        os.close(descriptor)
        with contextlib.suppress(OSError):  # the next one has another number
            path.unlink()
        raise
    return descriptor


def append(descriptor: int, data: bytes) -> None:
    """Write `data` and wait until it is on disk."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    _sync(descriptor)


def is_removed(descriptor: int) -> bool:
    """Whether nothing finds the file any more: it would go with the process."""
    return os.fstat(descriptor).st_nlink == 0


def put_back(descriptor: int, path: Path, size: int) -> int:
    """Write a removed segment of `size` bytes once more; returns a descriptor of the new file.

    Raises:
        OSError: it cannot be written, and is removed as before.
    """
    data = os.pread(descriptor, size, 0)
    new = create(path)
    try:
        append(new, data)
    except OSError:
        os.close(new)
        path.unlink(missing_ok=True)
        raise
    os.close(descriptor)
    return new


def cut(descriptor: int, path: Path, size: int) -> None:
    """Take back what a failed append may have left, and close; an empty segment is removed."""
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)
    if not size:
        path.unlink()


def survey(path: Path) -> Survey:
    """Count what is, or was, in the segment; what cannot be read counts nothing."""
    counts: dict[str, int] = {}
    oldest = None
    try:
        data = path.read_bytes()
    except OSError:
        return Survey(path.stat().st_size, {}, None)
    for found in scan(data):
        if isinstance(found, Damage):
            _add(counts, {} if found.torn else found.counts)
        else:
            oldest = found.time if oldest is None else oldest
            _add(counts, found.counts)
    return Survey(len(data), counts, oldest)


def read_part(path: Path, start: int, end: int, skip: frozenset[int], most: int) -> Part:
    """Records from the offset `start` on, until there are `most` rows; none begins beyond `end`.

    Args:
        path: of the segment.
        start: where a record begins, or the rubbish after one.
        end: where a record ends, or the segment.
        skip: offsets of records that are left out.
        most: rows; more if the first record has more.

    Raises:
        OSError: the segment cannot be read.
    """
    for stop in (min(end, start + _WINDOW), end):
        with path.open("rb", buffering=0) as segment:
            segment.seek(start)
            data = segment.read(stop - start)
        part = _part(data, start, skip, most, whole=stop == end)
        if part.end > start:
            return part
    return Part(end, Batch({}), {}, {}, [], None)  # shorter than it was: nothing is there


def _part(data: bytes, start: int, skip: frozenset[int], most: int, *, whole: bool) -> Part:
    batches: list[Batch] = []
    counts: dict[str, int] = {}
    refused: dict[str, int] = {}
    damages = []
    end, time = start, None
    for found in scan(data, whole=whole):
        if isinstance(found, Damage):
            damages.append(found)
        elif start + found.start not in skip:
            if counts and sum(counts.values()) + sum(found.counts.values()) > most:
                break
            batch, lost = decode(found)
            batches.append(batch)
            _add(counts, found.counts)
            _add(refused, lost)
            time = found.time
        end = start + found.end
    return Part(end, merged(batches), counts, refused, damages, time)


def set_aside(path: Path) -> Path:
    """Keep a copy of a damaged segment; the oldest copy goes where there are too many.

    Raises:
        OSError: it cannot be copied.
    """
    folder = path.parent / "damaged"
    folder.mkdir(mode=0o700, exist_ok=True)
    copies = sorted(copy for copy in folder.iterdir() if copy.name != path.name)
    for copy in copies[: max(0, len(copies) - DAMAGED_FILES + 1)]:
        copy.unlink()
    return Path(shutil.copyfile(path, folder / path.name))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count
