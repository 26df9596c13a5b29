"""The spool on a real disk: first in, first out, bounded, and sound after anything."""

import errno
import os
import resource
import shutil
import threading
from pathlib import Path

import pytest
import trio

from storage import spool_files
from storage.batch import batch_of
from storage.errors import SpoolError
from storage.rows import Row, StatsRow
from storage.spool import Spool, open_spool
from storage.spool_files import segment_numbers, segment_path
from storage.tally import Tally
from tests.lab.reap import reap_part
from tests.lab.runs import new_part, run
from tests.storage import samples

LIMIT = 64 * 2**20


async def _append(spool: Spool, *numbers: int) -> None:
    for number in numbers:
        await spool.append(batch_of([samples.stats(number)]))


async def _drained(spool: Spool, most: int = 500) -> list[int]:
    """The numbers of all samples in it, in the order in which they come."""
    numbers: list[int] = []
    with trio.fail_after(20):
        while spool.rows:
            part = await spool.next(most)
            rows: list[Row] = part.batch.rows.get(StatsRow, [])
            numbers += [row.cpu_total for row in rows if isinstance(row, StatsRow)]
            spool.end()
    return numbers


async def _emptied(spool: Spool) -> None:
    """Wait for the end of written segments: they go when the next rows are asked for."""

    async def ask() -> None:
        while True:
            part = await spool.next(1)
            assert not part.batch
            spool.end()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        with trio.fail_after(20):
            while spool.status().bytes:  # noqa: ASYNC110 - a status has no event
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def _filled(spool: Spool) -> int:
    """Append samples until one does not fit; returns its number."""
    for number in range(10_000):
        try:
            await _append(spool, number)
        except SpoolError as error:
            assert "No space left" in str(error)  # noqa: PT017 - the number is wanted too
            return number
    raise AssertionError("there is always room")


def _segments(folder: Path) -> list[Path]:
    return [segment_path(folder, number) for number in segment_numbers(folder)]


async def test_first_in_first_out_also_in_the_next_process(spool: Path) -> None:
    async with open_spool(spool, LIMIT, Tally()) as one:
        await _append(one, *range(10))
        part = await one.next(3)
        assert part.counts == {"container_stats": 3}
        status = one.status()
        assert status.rows == 10  # as long as it is not known that they are written
        assert status.oldest is not None
    async with open_spool(spool, LIMIT, Tally()) as other:
        await _append(other, 10, 11)
        assert other.rows == 12
        assert await _drained(other, most=4) == list(range(12))
        await _emptied(other)
        assert _segments(spool) == []
        await _append(other, 12)
        assert await _drained(other) == [12]


async def test_a_folder_that_is_removed_is_made_again(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in the file that is appended to is kept; older files are counted as lost."""
    monkeypatch.setattr("storage.spool.SEGMENT_BYTES", 1)
    lost = Tally()
    async with open_spool(spool, LIMIT, lost) as one:
        await _append(one, 1, 2)
        shutil.rmtree(spool)
        await _append(one, 3)
        assert one.rows == 3
        assert await _drained(one) == [2, 3]
        assert sum(lost.totals.values()) == 1
        await _emptied(one)
        shutil.rmtree(spool)  # while no file is open
        await _append(one, 4)
    async with open_spool(spool, LIMIT, lost) as other:
        assert await _drained(other) == [4]


async def test_what_is_written_otherwise_is_not_replayed(spool: Path) -> None:
    async with open_spool(spool, LIMIT, Tally()) as one:
        await _append(one, 1)
        written = await one.append(batch_of([samples.stats(2)]), held=True)
        failed = await one.append(batch_of([samples.stats(3)]), held=True)
        await _append(one, 4)
        first = await one.next(100)
        assert first.counts == {"container_stats": 1}  # the next one is held
        one.end()
        with trio.move_on_after(0.05) as scope:
            await one.next(100)
        assert scope.cancelled_caught
        one.release(written, written=True)
        one.release(failed, written=False)
        assert one.rows == 2
        assert await _drained(one) == [3, 4]


async def test_beyond_the_limit_the_oldest_goes_and_is_counted(
    spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = Tally()
    async with open_spool(spool, 20_000, lost) as one:
        for number in range(200):
            await _append(one, number)
            assert one.status().bytes <= 20_000
        dropped = lost.totals["container_stats"]
        assert 0 < dropped < 200
        assert lost.lately() == dropped
        assert await _drained(one) == list(range(dropped, 200))
    assert "spool_megabytes" in caplog.text


@pytest.mark.parametrize("written", [True, False])
async def test_what_goes_while_it_is_written_otherwise_is_lost_only_if_that_fails(
    spool: Path, *, written: bool
) -> None:
    lost = Tally()
    async with open_spool(spool, 20_000, lost) as one:
        await _append(one, 0)
        ticket = await one.append(batch_of([samples.stats(1)]), held=True)
        first = _segments(spool)[0]
        number = 2
        while first in _segments(spool):
            await _append(one, number)
            number += 1
        before = lost.totals["container_stats"]
        assert before + one.rows == number - 1
        one.release(ticket, written=written)
        assert lost.totals["container_stats"] == before + (not written)
        assert before + one.rows == number - 1


async def test_a_second_process_is_refused_and_told_of_the_first(spool: Path) -> None:
    async with open_spool(spool, LIMIT, Tally()):
        with pytest.raises(SpoolError, match=r"process \d+, is using .*data_dir"):
            async with open_spool(spool, LIMIT, Tally()):
                pass
    async with open_spool(spool, LIMIT, Tally()):
        pass


async def test_a_folder_that_cannot_be_made_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match="data_dir"):
        async with open_spool(tmp_path / "file" / "spool", LIMIT, Tally()):
            pass


async def test_damage_costs_only_what_it_touches_and_is_told_once(
    spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(12):  # more than copies are kept
        async with open_spool(spool, LIMIT, Tally()) as one:
            await _append(one, *range(20))
    for segment in _segments(spool):
        data = bytearray(segment.read_bytes())
        for place in (len(data) // 4, len(data) // 2):
            data[place] ^= 0xFF
        segment.write_bytes(data)
    lost = Tally()
    async with open_spool(spool, LIMIT, lost) as one:
        rows = await _drained(one)
        status = one.status()
    assert len(rows) == 12 * 18
    assert status.damaged_bytes > 0
    assert status.damaged_rows == lost.totals["container_stats"]
    assert caplog.text.count("is damaged") == 12
    assert len(list((spool / "damaged").iterdir())) == 8


async def test_a_torn_end_is_no_alarm(spool: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_spool(spool, LIMIT, Tally()) as one:
        await _append(one, *range(5))
    (segment,) = _segments(spool)
    segment.write_bytes(segment.read_bytes()[:-7])
    async with open_spool(spool, LIMIT, Tally()) as one:
        assert one.rows == 4
        assert await _drained(one) == list(range(4))
        assert one.status().damaged_bytes == 0
    assert "damaged" not in caplog.text


async def test_what_somebody_cut_off_is_counted(spool: Path) -> None:
    lost = Tally()
    async with open_spool(spool, LIMIT, lost) as one:
        await _append(one, *range(10))
        (segment,) = _segments(spool)
        segment.write_bytes(segment.read_bytes()[: segment.stat().st_size // 2])
        part = await one.next(100)
        one.end()
        await _emptied(one)
        assert 0 < part.counts["container_stats"] < 10
        assert lost.totals["container_stats"] == 10 - part.counts["container_stats"]


async def test_a_segment_that_vanished_does_not_stop_the_rest(spool: Path) -> None:
    lost = Tally()
    for first in (0, 10):
        async with open_spool(spool, LIMIT, Tally()) as one:
            await _append(one, *range(first, first + 10))
    async with open_spool(spool, LIMIT, lost) as one:
        _segments(spool)[0].unlink()
        assert await _drained(one) == list(range(10, 20))
    assert lost.totals["container_stats"] == 10


async def test_a_shortage_of_descriptors_costs_no_row(
    spool: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("storage.spool.SHORTAGE_SECONDS", 0.01)
    lost = Tally()
    numbers: list[int] = []

    async def drain(one: Spool) -> None:
        numbers.extend(await _drained(one))

    async with open_spool(spool, LIMIT, lost) as one:
        await _append(one, 1, 2)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with trio.open_nursery() as nursery:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            try:
                nursery.start_soon(drain, one)
                with trio.fail_after(20):
                    while "Too many open files" not in caplog.text:  # noqa: ASYNC110 - a log
                        await trio.sleep(0.01)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert numbers == [1, 2]
    assert not any(lost.totals.values())


async def test_what_is_released_during_a_read_is_not_replayed_either(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, released = threading.Event(), threading.Event()
    read_part = spool_files.read_part

    def slow(path: Path, start: int, end: int, skip: frozenset[int], most: int) -> spool_files.Part:
        reading.set()
        assert released.wait(20)
        return read_part(path, start, end, skip, most)

    monkeypatch.setattr(spool_files, "read_part", slow)
    async with open_spool(spool, LIMIT, Tally()) as one:
        await _append(one, 1)
        ticket = await one.append(batch_of([samples.stats(2)]), held=True)
        await _append(one, 3)

        async def release() -> None:
            assert await trio.to_thread.run_sync(reading.wait, 20)
            one.release(ticket, written=True)
            released.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(release)
            assert await _drained(one) == [1, 3]


async def test_a_disk_that_hangs_in_the_replay_keeps_nobody_waiting(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.spool.DISK_SECONDS", 0.1)
    hanging, flowing = threading.Event(), threading.Event()

    def hang(path: Path) -> None:
        hanging.set()
        assert flowing.wait(20)
        path.unlink()

    monkeypatch.setattr("storage.spool._remove", hang)
    async with open_spool(spool, LIMIT, Tally()) as one, trio.open_nursery() as nursery:
        await _append(one, 1)
        assert (await one.next(1)).counts
        one.end()
        nursery.start_soon(one.next, 1)
        assert await trio.to_thread.run_sync(hanging.wait, 20)
        try:
            with trio.fail_after(20), pytest.raises(SpoolError, match="gives no answer"):
                await _append(one, 2)
        finally:
            flowing.set()
            nursery.cancel_scope.cancel()


async def test_a_disk_that_fails_and_comes_back(spool: Path, tmp_path: Path) -> None:
    async with open_spool(spool, LIMIT, Tally()) as one:
        spool.rename(tmp_path / "gone")  # noqa: ASYNC240 - quick
        spool.touch()  # noqa: ASYNC240 - quick
        with pytest.raises(SpoolError, match="takes no rows"):
            await _append(one, 1)
        spool.unlink()  # noqa: ASYNC240 - quick
        (tmp_path / "gone").rename(spool)
        await _append(one, 2)
        assert await _drained(one) == [2]


async def test_a_folder_that_cannot_be_synced_leaves_no_file_behind_open_or_not(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async with open_spool(spool, LIMIT, Tally()) as one:
        with monkeypatch.context() as broken:
            broken.setattr("storage.spool_files.os.fsync", fail)
            for _ in range(3):
                with pytest.raises(SpoolError, match="takes no rows"):
                    await _append(one, 1)
        opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]  # noqa: ASYNC240 - quick
        assert [name for name in opened if name.startswith(str(spool))] == [str(spool / "lock")]
        assert _segments(spool) == []
        await _append(one, 2)
        assert await _drained(one) == [2]


@pytest.mark.usefixtures("lab")
async def test_a_full_disk_keeps_what_it_has_and_takes_more_when_there_is_room() -> None:
    folder = new_part("f")
    try:
        run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder])
        async with open_spool(folder / "spool", LIMIT, Tally()) as one:
            number = await _filled(one)
            with pytest.raises(SpoolError, match="No space left"):
                await one.append(batch_of([samples.stats(n) for n in range(5000)]))
            assert one.rows == number
            part = await one.next(number)
            assert part.counts == {"container_stats": number}
            one.end()
            await _emptied(one)
            await _append(one, number)
            assert await _drained(one) == [number]
    finally:
        reap_part(folder)


def test_losses_are_counted_for_good_and_forgotten_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("storage.tally.time.monotonic", lambda: now)
    tally = Tally()
    for _ in range(120):
        tally.add({"hosts": 1, "containers": 2})
        now += 60
    assert tally.totals["containers"] == 240
    assert 170 <= tally.lately() <= 190
    now += 4000
    assert tally.lately() == 0
    assert tally.totals["hosts"] == 120
