"""How rows lie in a spool: records that can be told from rubbish, and read by newer releases. Pure.

A record is

    magic               8 bytes, none of which occur together in valid text
    sizes               of the counts and of the payload, the payload's CRC, the time (UNIX seconds)
    counts              msgpack, rows by table
    header's CRC        over all of the above
    payload             msgpack: for each table its name, its columns, and the rows' values

All numbers are little-endian. Whatever is damaged, the next intact record is found by its magic.
The columns stand in each record: one that a row no longer has is ignored, one that a record does
not have yet takes the row's default.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from storage.batch import Batch, batch_of
from storage.rows import Row
from storage.tables import TABLES, clean

MAGIC = b"\xffFLEET\xfe\x01"
RECORD_BYTES = 2 * 2**20  # of a payload; a larger batch becomes several records
_SIZES = struct.Struct("<HIId")
_CRC = struct.Struct("<I")
_FIXED = len(MAGIC) + _SIZES.size

_KINDS: dict[str, type[Row]] = {table.name: kind for kind, table in TABLES.items()}


class Record(msgspec.Struct, frozen=True):
    """An intact record at `start`, up to `end`, made at `time` (UNIX seconds)."""

    start: int
    end: int
    time: float
    counts: dict[str, int]
    payload: bytes


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are no record; `counts` are the rows in them, as far as intact headers tell.

    `torn`: merely cut short, as the last record is when its writer was killed.
    """

    start: int
    end: int
    counts: dict[str, int]
    torn: bool


class Encoded(msgspec.Struct, frozen=True):
    """A batch as records, and what no record can hold: the rows by table."""

    records: list[bytes]
    refused: dict[str, int]


def encode(batch: Batch, time: float) -> Encoded:
    """`batch` as records made at `time` (UNIX seconds).

    Text that PostgreSQL could not hold either is cleaned; a number of more than 64 bits is refused.
    """
    try:
        payload = _payload(batch)
    except (OverflowError, UnicodeEncodeError):
        return _encoded_one_by_one(batch, time)
    if len(payload) > RECORD_BYTES and len(batch) > 1:
        halves = [encode(half, time) for half in batch.halves()]
        return Encoded([record for half in halves for record in half.records], {})
    return Encoded([_record(payload, batch.counts(), time)], {})


def scan(data: bytes, *, whole: bool = True) -> Iterator[Record | Damage]:
    """Everything in `data` from its start, in order; offsets are those in `data`.

    Args:
        data: of a segment, from the start of a record.
        whole: it reaches to the segment's end; else what is cut off at the end is left out.
    """
    position = 0
    while position < len(data):
        found = _record_at(data, position)
        if isinstance(found, Record):
            yield found
            position = found.end
            continue
        following = _next_record(data, position + 1)
        if following is None and not whole:
            return
        end = len(data) if following is None else following
        torn = following is None and (found.torn or not any(data[position:]))
        yield Damage(position, end, found.counts, torn)
        position = end


def decode(record: Record) -> tuple[Batch, dict[str, int]]:
    """The rows of `record`, and how many of each table cannot be had from it."""
    tables = _TABLES_DECODER.decode(record.payload)
    rows: dict[type[Row], list[Row]] = {}
    refused: dict[str, int] = {}
    for name, columns, values in tables:
        kind = _KINDS.get(name)
        found = [] if kind is None else _rows(kind, columns, values)
        if kind is not None and found:
            rows[kind] = found
        if missing := record.counts.get(name, 0) - len(found):
            refused[name] = missing
    return Batch(rows), refused


_COUNTS_DECODER = msgspec.msgpack.Decoder(dict[str, int])
_TABLES_DECODER = msgspec.msgpack.Decoder(list[tuple[str, list[str], msgspec.Raw]])


def _record_at(data: bytes, start: int) -> Record | Damage:
    """What begins at `start`; the end of a damage is not known here."""
    cut, rubbish = Damage(start, start, {}, torn=True), Damage(start, start, {}, torn=False)
    if not data.startswith(MAGIC, start):
        return cut if MAGIC.startswith(data[start : start + len(MAGIC)]) else rubbish
    body = start + _FIXED
    if body > len(data):
        return cut
    counts_size, size, crc, time = _SIZES.unpack_from(data, start + len(MAGIC))
    header_end = body + counts_size
    if header_end + _CRC.size > len(data):
        return cut
    (header_crc,) = _CRC.unpack_from(data, header_end)
    if zlib.crc32(data[start:header_end]) != header_crc:
        return rubbish
    counts = _COUNTS_DECODER.decode(data[body:header_end])
    first = header_end + _CRC.size
    payload = data[first : first + size]
    if len(payload) < size or zlib.crc32(payload) != crc:
        return Damage(start, start, counts, torn=len(payload) < size)
    return Record(start, first + size, time, counts, payload)


def _next_record(data: bytes, position: int) -> int | None:
    """Where the next place is at which a record may begin."""
    found = data.find(MAGIC, position)
    return None if found < 0 else found


def _payload(batch: Batch) -> bytes:
    tables = [
        (TABLES[kind].name, kind.__struct_fields__, list(map(msgspec.structs.astuple, rows)))
        for kind, rows in batch.rows.items()
    ]
    return msgspec.msgpack.encode(tables)


def _record(payload: bytes, counts: dict[str, int], time: float) -> bytes:
    table_counts = msgspec.msgpack.encode(counts)
    sizes = _SIZES.pack(len(table_counts), len(payload), zlib.crc32(payload), time)
    header = MAGIC + sizes + table_counts
    return header + _CRC.pack(zlib.crc32(header)) + payload


def _encoded_one_by_one(batch: Batch, time: float) -> Encoded:
    kept: list[Row] = []
    refused: dict[str, int] = {}
    for kind, rows in batch.rows.items():
        for row in rows:
            cleaned = msgspec.structs.replace(
                row, **{name: _cleaned(getattr(row, name)) for name in kind.__struct_fields__}
            )
            try:
                msgspec.msgpack.encode(cleaned)
            except OverflowError:
                name = TABLES[kind].name
                refused[name] = refused.get(name, 0) + 1
            else:
                kept.append(cleaned)
    return Encoded(encode(batch_of(kept), time).records if kept else [], refused)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): clean(text) for key, text in value.items()}
    if isinstance(value, list):
        return [clean(text) for text in value]
    return value


def _rows(kind: type[Row], columns: list[str], values: msgspec.Raw) -> list[Row]:
    if tuple(columns) == kind.__struct_fields__:
        try:
            arrays = _array_decoder(kind).decode(values)
            return msgspec.convert(arrays, list[kind], from_attributes=True)  # type: ignore[valid-type] # known at run time
        except msgspec.ValidationError:
            pass  # some are not what they should be: one by one
    empty = dict.fromkeys(_needed(kind))
    found = []
    for row in msgspec.msgpack.decode(values):
        try:
            found.append(msgspec.convert({**empty, **dict(zip(columns, row, strict=True))}, kind))
        except ValueError:
            continue
    return found


@cache
def _array_decoder(kind: type[Row]) -> msgspec.msgpack.Decoder[Any]:
    """For rows as arrays of their values: of a type with the fields of `kind`."""
    fields = [(field.name, field.type) for field in msgspec.structs.fields(kind)]
    array = msgspec.defstruct(kind.__name__, fields, array_like=True)
    return msgspec.msgpack.Decoder(list[array])  # type: ignore[valid-type] # made at run time


@cache
def _needed(kind: type[Row]) -> tuple[str, ...]:
    """The fields without a default: None where a record does not have them, if they may be."""
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.required)
