"""The file of an archive: a tar of gzipped text, which its own tools can read too.

`fleet-archive.json` comes first and says what follows; then the rows of each table in chunks, as
`TABLE/000001.copy.gz`, in the text format of PostgreSQL's COPY, which every version and edition
reads; last the manifest with the checksum of each, and its own in its name. What has no manifest
is not whole.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections import Counter
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from storage.archive_tables import archived
from storage.errors import StorageError

FORMAT = 1
HEAD = "fleet-archive.json"
MANIFEST = "manifest-{}.json"  # its sha256
LEVEL = 1  # of gzip: five times as fast as 6, for an eighth more bytes

_END = 2 * tarfile.BLOCKSIZE


class ArchiveError(StorageError):
    """A file cannot be written, or is no whole archive of fleet's."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the archive was made of; `columns` are those of each table, in the chunks' order."""

    format: int
    schema: int
    edition: str
    postgresql: str
    timescaledb: str | None
    created: datetime
    columns: dict[str, list[str]]


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a table, as lines of COPY's text format."""

    table: str
    number: int  # from 1, in each table
    rows: int
    data: bytes


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk as the manifest has it. `size` and `sha256` are those of the gzipped bytes."""

    name: str
    rows: int
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All chunks in their order, the rows of each table, and the sha256 of the head."""

    head: str
    rows: dict[str, int]
    chunks: list[Entry]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read once from end to end and is whole."""

    path: Path
    size: int
    head: Head
    manifest: Manifest


class ArchiveWriter:
    """Writes an archive into `file`, which is not sought in."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = 0
        self._mtime = 0
        self._head = ""
        self._entries: list[Entry] = []
        self._rows: Counter[str] = Counter()

    def begin(self, head: Head) -> None:
        """Write what comes first."""
        self._mtime = int(head.created.timestamp())
        self._rows = Counter(dict.fromkeys(head.columns, 0))
        data = msgspec.json.format(msgspec.json.encode(head))
        self._head = hashlib.sha256(data).hexdigest()
        self._add(HEAD, data)

    def add(self, chunk: Chunk) -> None:
        """Write one chunk."""
        packed = gzip.compress(chunk.data, LEVEL, mtime=0)
        name = f"{chunk.table}/{chunk.number:06}.copy.gz"
        digest = hashlib.sha256(packed).hexdigest()
        self._entries.append(Entry(name=name, rows=chunk.rows, size=len(packed), sha256=digest))
        self._rows[chunk.table] += chunk.rows
        self._add(name, packed)

    def finish(self) -> Manifest:
        """Write the manifest and the end; nothing may follow."""
        manifest = Manifest(head=self._head, rows=dict(self._rows), chunks=self._entries)
        data = msgspec.json.encode(manifest)
        self._add(MANIFEST.format(hashlib.sha256(data).hexdigest()), data)
        self._write(bytes(_END))
        self._write(bytes(-self._written % tarfile.RECORDSIZE))
        self._file.flush()
        return manifest

    def _add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(data), self._mtime, 0o600
        self._write(member.tobuf(tarfile.USTAR_FORMAT))
        self._write(data)
        self._write(bytes(-len(data) % tarfile.BLOCKSIZE))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._written += len(data)


def verify(path: Path) -> Verified:
    """Read the whole file and compare it with its manifest.

    Raises:
        ArchiveError: it cannot be read, is no archive, is not whole, or was changed.
    """
    try:
        with path.open("rb") as file:
            head, manifest = _verified(path, file)
            return Verified(path=path, size=path.stat().st_size, head=head, manifest=manifest)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror or error}.") from error


def chunks(archive: Verified) -> Generator[Chunk]:
    """The chunks of a verified archive, in their order.

    Raises:
        ArchiveError: the file has changed since.
    """
    known = {entry.name: entry for entry in archive.manifest.chunks}
    with archive.path.open("rb") as file:
        for name, packed in _members(archive.path, file):
            entry = known.get(name)
            if entry is None and not name.endswith(".gz"):
                continue  # the head and the manifest
            if entry is None or hashlib.sha256(packed).hexdigest() != entry.sha256:
                raise ArchiveError(f"{archive.path} changed while it was being read.")
            table, _, number = name.removesuffix(".copy.gz").partition("/")
            data = gzip.decompress(packed)
            yield Chunk(table=table, number=int(number), rows=entry.rows, data=data)


def _verified(path: Path, file: BinaryIO) -> tuple[Head, Manifest]:
    members = _members(path, file)
    head, digest = _head(path, file, members)
    found: dict[str, str] = {}
    manifest = None
    for name, data in members:
        if manifest is not None:
            raise _damaged(path, f"{name} comes after its end")
        if name.startswith("manifest-"):
            manifest = _manifest(path, name, data)
        else:
            found[name] = hashlib.sha256(data).hexdigest()
    if manifest is None or not _ended(file):
        raise _truncated(path)
    if manifest.head != digest:
        raise _damaged(path, f"{HEAD} does not have the checksum that it was made with")
    for entry in manifest.chunks:
        if entry.name not in found:
            raise _damaged(path, f"{entry.name} is missing")
        if found.pop(entry.name) != entry.sha256:
            raise _damaged(path, f"{entry.name} does not have the checksum that it was made with")
    if found:
        raise _damaged(path, f"{next(iter(found))} does not belong there")
    return head, manifest


def _head(path: Path, file: BinaryIO, members: Iterator[tuple[str, bytes]]) -> tuple[Head, str]:
    """What comes first, and its checksum."""
    beginning = file.read(len(HEAD))
    file.seek(0)
    if beginning != HEAD.encode():
        if beginning and HEAD.encode().startswith(beginning):
            raise _truncated(path)
        raise ArchiveError(f"{path} is no archive that `fleet db backup` has made.")
    name, data = next(members, ("", b""))
    if name != HEAD:
        raise _truncated(path)
    try:
        head = msgspec.json.decode(data, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, f"{HEAD}: {error}") from error
    strange = [table for table in head.columns if table not in archived()]
    strange += [
        f"{table}.{column}"
        for table, columns in head.columns.items()
        for column in columns
        if table in archived() and column not in archived()[table].columns
    ]
    if head.format > FORMAT or strange:
        what = f"format {head.format}" if head.format > FORMAT else f"holds {strange[0]}"
        raise ArchiveError(
            f"{path} was made by a newer fleet ({what}). Restore it with that release."
        )
    return head, hashlib.sha256(data).hexdigest()


def _manifest(path: Path, name: str, data: bytes) -> Manifest:
    if name != MANIFEST.format(hashlib.sha256(data).hexdigest()):
        raise _damaged(path, "its manifest does not have the checksum that it was made with")
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, f"its manifest: {error}") from error


def _members(path: Path, file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member)
                data = b"" if content is None else content.read()
                if len(data) != member.size:
                    raise _truncated(path)
                yield member.name, data
    except (tarfile.TarError, EOFError) as error:
        raise _truncated(path) from error


def _ended(file: BinaryIO) -> bool:
    size = file.seek(0, io.SEEK_END)
    if size % tarfile.RECORDSIZE or size < _END:
        return False
    file.seek(-_END, io.SEEK_END)
    return file.read() == bytes(_END)


def _truncated(path: Path) -> ArchiveError:
    return ArchiveError(f"{path} is not whole: its end is missing, or a part is overwritten.")


def _damaged(path: Path, what: str) -> ArchiveError:
    return ArchiveError(f"{path} is damaged: {what}. Use another copy.")
