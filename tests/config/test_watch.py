# ruff: noqa: ASYNC240 - these tests write small local files, which blocks no longer than a moment
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from config.watch import Watch

POLL, SETTLE, PATIENCE = 0.02, 0.03, 0.3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.toml"
    path.write_text("one")
    return path


def watching(path: Path) -> Watch:
    return Watch(path, poll=POLL, settle=SETTLE, patience=PATIENCE)


async def is_told(watch: Watch) -> None:
    with trio.fail_after(5):
        await watch.changed()


async def is_quiet(watch: Watch) -> bool:
    """Whether several looks find nothing."""
    with trio.move_on_after(8 * POLL + 2 * SETTLE):
        await watch.changed()
        return False
    return True


async def test_a_change_is_told_once(file: Path) -> None:
    watch = watching(file)
    assert await is_quiet(watch)
    file.write_text("three")
    await is_told(watch)
    assert await is_quiet(watch)


async def test_a_change_before_the_first_wait_is_told(file: Path) -> None:
    watch = watching(file)
    file.write_text("three")
    await is_told(watch)


async def test_a_file_renamed_over_the_old_one(file: Path, tmp_path: Path) -> None:
    watch = watching(file)
    other = tmp_path / ".hosts.toml.swp"
    other.write_text("two")
    other.replace(file)
    await is_told(watch)


async def test_links_swapped_as_in_a_mounted_config_map(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "hosts.toml").write_text(version)
    (tmp_path / "data").symlink_to("v1")
    (tmp_path / "hosts.toml").symlink_to("data/hosts.toml")
    watch = watching(tmp_path / "hosts.toml")
    assert await is_quiet(watch)
    (tmp_path / "new").symlink_to("v2")
    (tmp_path / "new").rename(tmp_path / "data")
    await is_told(watch)
    assert await is_quiet(watch)


@asynccontextmanager
async def telling(watch: Watch) -> AsyncIterator[trio.Event]:
    told = trio.Event()

    async def wait() -> None:
        await watch.changed()
        told.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        yield told
        nursery.cancel_scope.cancel()


async def test_a_file_missing_for_a_moment_is_told_when_it_is_back(file: Path) -> None:
    watch = Watch(file, poll=POLL, settle=SETTLE, patience=60)
    async with telling(watch) as told:
        file.unlink()
        with trio.move_on_after(5 * SETTLE):
            await told.wait()
        assert not told.is_set()
        file.write_text("back")
        with trio.fail_after(5):
            await told.wait()


async def test_a_file_that_stays_away_is_told_once(file: Path) -> None:
    watch = watching(file)
    file.unlink()
    await is_told(watch)
    assert await is_quiet(watch)


async def test_a_burst_is_told_once_and_after_its_end(file: Path) -> None:
    watch = Watch(file, poll=POLL, settle=0.6, patience=60)
    async with telling(watch) as told:
        for count in range(10):
            file.write_text("x" * count)
            await trio.sleep(0.02)
            assert not told.is_set()
        with trio.fail_after(5):
            await told.wait()
    assert await is_quiet(watch)


async def test_a_burst_without_end_is_told_all_the_same(file: Path) -> None:
    watch = watching(file)
    async with telling(watch) as told, trio.open_nursery() as nursery:

        async def write_on() -> None:
            for count in range(10_000):
                file.write_text("x" * count)
                await trio.sleep(SETTLE / 3)

        nursery.start_soon(write_on)
        with trio.fail_after(5):
            await told.wait()
        nursery.cancel_scope.cancel()


async def test_files_that_are_referred_to(file: Path, tmp_path: Path) -> None:
    watch = watching(file)
    key = tmp_path / "key"
    watch.follow([key])
    assert await is_quiet(watch)
    key.write_text("now it exists")
    await is_told(watch)
    watch.follow([])
    key.write_text("nobody asks")
    assert await is_quiet(watch)


async def test_a_trigger_needs_no_change(file: Path) -> None:
    watch = Watch(file, poll=60, settle=SETTLE)
    watch.trigger()
    await is_told(watch)
    assert await is_quiet(watch)


async def test_it_can_be_looped_over(file: Path) -> None:
    watch = watching(file)
    rounds = 0
    with trio.fail_after(5):
        file.write_text("change 0")
        async for _ in watch:
            rounds += 1
            if rounds == 3:
                break
            file.write_text(f"change number {rounds}" * rounds)
    assert rounds == 3
