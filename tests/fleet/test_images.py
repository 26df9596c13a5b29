"""Images of real Engines, judged by the Docker SDK on the same Engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio

from fleet.changes import Change
from fleet.image_rows import ImageRows
from fleet.model import Image
from fleet.present import image_documents
from storage.rows import ImageRow, ImageVersionRow, Row
from tests.faults.watched import Watched, local, watched
from tests.lab.engines import Engine
from tests.lab.images import IMAGE, REPOSITORY

PATIENCE = 60.0
TAGGED = f"{REPOSITORY}:moved"


@pytest.fixture
def engine(any_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr("fleet.images.SETTLE_SECONDS", 0.2)
    monkeypatch.setattr("fleet.images.PAUSE_FACTOR", 1)
    yield any_engine
    any_engine.remove_containers()
    for image in any_engine.sdk().images.list():
        if any(tag.endswith(":moved") for tag in image.tags):
            any_engine.sdk().images.remove(TAGGED)


async def blocking(call: Callable[..., Any], *words: Any, **named: Any) -> Any:
    """Run a call of the Docker SDK without holding up the fleet."""
    return await trio.to_thread.run_sync(lambda: call(*words, **named))


def tags(fleet: Watched) -> dict[str, set[str]]:
    """What the fleet knows: names (without Podman's registry) by image."""
    return {
        image.id: {tag.removeprefix("docker.io/") for tag in image.tags}
        for image in fleet.tracker.images("a").values()
    }


def versions(rows: list[Row]) -> list[str]:
    found = [row.reference for row in rows if isinstance(row, ImageVersionRow)]
    return [name.removeprefix("docker.io/") for name in found if "@" not in name]


async def test_images_equal_the_sdks_and_names_are_followed(engine: Engine) -> None:
    sdk = engine.sdk()
    rows: list[Row] = []
    writer = ImageRows(rows.append)
    await blocking(engine.run_container, "user")
    async with watched(local("a", engine)) as fleet:
        fleet.tracker.listen(writer)
        await fleet.until_up("a")
        await fleet.until(lambda: fleet.tracker.images("a"), "a list", PATIENCE)
        oracle = await blocking(sdk.images.list)
        known = fleet.tracker.images("a")
        assert known.keys() == {image.id for image in oracle}
        for image in oracle:
            found = known[image.id]
            assert found.tags == tuple(sorted(image.tags))
            assert found.digests == tuple(sorted(image.attrs["RepoDigests"] or ()))
            assert found.size == image.attrs["Size"]
            assert (found.architecture, found.operating_system) == (
                image.attrs["Architecture"], image.attrs["Os"]
            )  # fmt: skip
        users = {
            user.name: document.tags
            for document in image_documents(
                known.values(), fleet.tracker.containers("a").values(), fleet.tracker.hosts["a"]
            )
            for user in document.containers
        }
        assert [tag for tag in users["user"] if tag.endswith(IMAGE)]

        rows.clear()
        image_id = (await blocking(sdk.images.get, IMAGE)).id
        await blocking(sdk.api.tag, IMAGE, REPOSITORY, tag="moved")
        await fleet.until(lambda: TAGGED in tags(fleet)[image_id], "a name", PATIENCE)
        assert versions(rows) == [TAGGED]
        made = await blocking(sdk.containers.get, "user")
        other = (await blocking(made.commit, repository=REPOSITORY, tag="moved")).id
        await fleet.until(lambda: TAGGED in tags(fleet).get(other, ()), "it moved", PATIENCE)
        assert TAGGED not in tags(fleet)[image_id]
        assert versions(rows) == [TAGGED, TAGGED]
        before = dict(fleet.tracker.images("a"))

    await blocking(sdk.images.remove, TAGGED)  # nobody watches
    await _another_run(engine, before, other, rows)


async def _another_run(
    engine: Engine, before: dict[str, Image], gone: str, rows: list[Row]
) -> None:
    rows.clear()
    writer = ImageRows(rows.append)
    writer.expect({"a": {name: i.id for i in before.values() for name in (*i.tags, *i.digests)}})
    async with watched(local("a", engine)) as fleet:
        fleet.tracker.resume_images({"a": before})
        heard: list[Change] = []
        fleet.tracker.listen(heard.append)
        fleet.tracker.listen(writer)
        await fleet.until(lambda: fleet.tracker.images("a"), "a list", PATIENCE)
        removed = [row.id for row in rows if isinstance(row, ImageRow) and row.removed]
        assert removed == [gone]
        assert not versions(rows)
        for image in fleet.tracker.images("a").values():
            assert image.first_seen == before[image.id].first_seen
