"""Records of a spool: every intact one is found in whatever is left of a file."""

import random
import struct
import zlib

import msgspec
import pytest

from storage.batch import Batch, batch_of
from storage.rows import Row, StatsRow
from storage.spool_records import MAGIC, Damage, Record, decode, encode, scan
from tests.storage import samples

SEED = 20260301


def _records(count: int) -> list[bytes]:
    made = []
    for number in range(count):
        rows: list[Row] = [samples.stats(number), samples.event(number), samples.container()]
        made += encode(batch_of(rows[: 1 + number % 3]), float(number)).records
    return made


def _found(data: bytes) -> tuple[list[Record], list[Damage]]:
    """What is in `data`; together it must be all of it, without a gap."""
    everything = list(scan(data))
    position = 0
    for one in everything:
        assert one.start == position
        position = one.end
    assert position == len(data)
    return (
        [one for one in everything if isinstance(one, Record)],
        [one for one in everything if isinstance(one, Damage)],
    )


def test_rows_come_back_as_they_were() -> None:
    batch = batch_of(
        [
            samples.host(),
            samples.container(),
            samples.event(1),
            samples.health(1),
            samples.stats(1),
            samples.stats(2),
        ]
    )
    (data,) = encode(batch, 12.5).records
    ((record,), damages) = _found(data)
    assert not damages
    assert (record.time, record.counts) == (12.5, batch.counts())
    assert decode(record) == (batch, {})


def test_a_record_of_an_older_or_newer_release_is_read() -> None:
    row = samples.stats(1)
    known = msgspec.structs.asdict(row)
    del known["cpu_increase"]
    values = {"of_the_future": [1, 2], **known}
    payload = msgspec.msgpack.encode(
        [
            ("container_stats", list(values), [list(values.values())]),
            ("of_the_future", ["a"], [[1]]),
        ]
    )
    record = Record(0, 0, 0.0, {"container_stats": 1, "of_the_future": 1}, payload)
    batch, refused = decode(record)
    assert batch.rows == {StatsRow: [row]}
    assert refused == {"of_the_future": 1}


def test_a_row_without_a_column_that_it_cannot_do_without_is_refused_alone() -> None:
    row = msgspec.structs.asdict(samples.stats(1))
    columns = [name for name in row if name != "memory_used"]
    payload = msgspec.msgpack.encode(
        [("container_stats", columns, [[row[name] for name in columns]])]
    )
    batch, refused = decode(Record(0, 0, 0.0, {"container_stats": 1}, payload))
    assert (batch, refused) == (Batch({}), {"container_stats": 1})


def test_rows_that_no_record_can_hold_are_refused_alone() -> None:
    replace = msgspec.structs.replace
    rows: list[Row] = [
        samples.stats(1),
        replace(samples.stats(2), cpu_total=2**70),
        replace(samples.stats(3), name="we\0b\udcff"),
        replace(samples.event(1), attributes={"\udcff": "v"}),
    ]
    encoded = encode(batch_of(rows), 1.0)
    assert encoded.refused == {"container_stats": 1}
    (data,) = encoded.records
    ((record,), _) = _found(data)
    batch, refused = decode(record)
    assert not refused
    assert [row.name for row in batch.rows[StatsRow] if isinstance(row, StatsRow)] == [
        "web",
        "we\ufffdb?",
    ]


def test_a_large_batch_becomes_several_records() -> None:
    rows = [
        msgspec.structs.replace(samples.event(number), attributes={"text": "x" * 500_000})
        for number in range(10)
    ]
    encoded = encode(batch_of(rows), 1.0)
    assert len(encoded.records) > 2
    records, damages = _found(b"".join(encoded.records))
    assert not damages
    again = [row for record in records for kind in decode(record)[0].rows.values() for row in kind]
    assert again == rows


def test_a_file_cut_anywhere_gives_all_records_before_and_no_alarm() -> None:
    made = _records(6)
    data = b"".join(made)
    ends = [len(b"".join(made[: number + 1])) for number in range(len(made))]
    for length in range(len(data)):
        records, damages = _found(data[:length])
        assert len(records) == sum(end <= length for end in ends)
        assert all(damage.torn for damage in damages)
        assert bool(damages) == (length not in [0, *ends])
        tail, _ = _found(data[:length] + bytes(100))  # as some file systems leave it
        assert len(tail) == len(records)


def test_whatever_is_flipped_the_intact_records_are_saved() -> None:
    made = _records(12)
    chosen = random.Random(SEED)  # noqa: S311 - the same each time
    for _ in range(400):
        broken = [bytearray(record) for record in made]
        hit = set()
        for _ in range(chosen.randint(1, 4)):
            victim = chosen.randrange(len(made))
            broken[victim][chosen.randrange(len(made[victim]))] ^= chosen.randint(1, 255)
            hit |= {victim} if broken[victim] != made[victim] else set()
        records, damages = _found(b"".join(broken))
        assert [record.time for record in records] == [
            float(number) for number in range(len(made)) if number not in hit
        ]
        assert bool(damages) == bool(hit)


def test_pieces_removed_and_inserted_cost_only_what_they_touch() -> None:
    made = _records(12)
    chosen = random.Random(SEED)  # noqa: S311 - the same each time
    for _ in range(200):
        victim = chosen.randrange(len(made))
        record = made[victim]
        start, end = sorted(chosen.choices(range(1, len(record)), k=2))
        rubbish = chosen.randbytes(chosen.randrange(200))
        broken = record[:start] + rubbish + record[end:]
        records, _ = _found(b"".join([*made[:victim], broken, *made[victim + 1 :]]))
        times = {record.time for record in records}
        assert times >= {float(number) for number in range(len(made)) if number != victim}


def test_rubbish_is_no_record() -> None:
    chosen = random.Random(SEED)  # noqa: S311 - the same each time
    for _ in range(200):
        data = chosen.randbytes(chosen.randrange(300)) + MAGIC + chosen.randbytes(300)
        records, damages = _found(data)
        assert not records
        assert damages


def test_an_intact_header_tells_the_rows_that_are_lost() -> None:
    (data,) = encode(batch_of([samples.stats(1), samples.stats(2)]), 1.0).records
    broken = data[:-3] + b"xyz"
    records, (damage,) = _found(broken + data)
    assert len(records) == 1
    assert (damage.counts, damage.torn) == ({"container_stats": 2}, False)


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_cut_off_by_reading_a_part_is_left_for_the_next(whole: bool) -> None:
    made = _records(3)
    data = b"".join(made)[:-1]
    found = list(scan(data, whole=whole))
    assert [one.end for one in found if isinstance(one, Record)][-1] == len(made[0] + made[1])
    assert len(found) == 2 + whole


def test_the_header_is_what_the_module_says() -> None:
    (data,) = encode(batch_of([samples.health(1)]), 2.5).records
    counts_size, size, crc, time = struct.unpack_from("<HIId", data, len(MAGIC))
    assert time == 2.5
    assert zlib.crc32(data[-size:]) == crc
    assert len(data) == len(MAGIC) + 18 + counts_size + 4 + size
