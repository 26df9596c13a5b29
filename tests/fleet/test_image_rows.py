from __future__ import annotations

from typing import Any

import pytest

from connectors.models import ImageInspect, ImageSummary
from fleet import translate
from fleet.image_rows import ImageRows
from fleet.model import Image
from fleet.tracker import Tracker
from storage.rows import ImageRow, ImageVersionRow, Row
from tests.fleet.values import NOON

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def image(id_: str, *tags: str, **fields: Any) -> Image:
    known: dict[str, Any] = {
        "host": "a",
        "id": id_,
        "tags": tags,
        "digests": (),
        "size": 10,
        "architecture": "amd64",
        "operating_system": "linux",
        "created": NOON,
        "first_seen": NOON,
    }
    return Image(**(known | fields))


@pytest.fixture
def rows() -> list[Row]:
    return []


@pytest.fixture
def tracker(rows: list[Row]) -> Tracker:
    tracker = Tracker()
    tracker.add_host("a")
    tracker.listen(ImageRows(rows.append))
    return tracker


def versions(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row.reference, row.image_id) for row in rows if isinstance(row, ImageVersionRow)]


def test_a_name_that_moves_to_another_image_is_a_version_whatever_comes_first(
    tracker: Tracker, rows: list[Row]
) -> None:
    tracker.put_image(image(ONE, "redis:7"))
    tracker.put_image(image(ONE))  # it lost its name first
    tracker.put_image(image(TWO, "redis:7"))
    tracker.put_image(image(ONE, "redis:7"))  # it was told last of the other that it lost it
    tracker.put_image(image(TWO))
    tracker.put_image(image(ONE, "redis:7", size=11))
    assert versions(rows) == [("redis:7", ONE), ("redis:7", TWO), ("redis:7", ONE)]


def test_a_name_by_digest_is_a_reference_and_tells_the_digest(
    tracker: Tracker, rows: list[Row]
) -> None:
    tracker.put_image(image(ONE, "r:5/redis:7", digests=("other@sha256:0", "r:5/redis@sha256:9")))
    found = {r.reference: r.digest for r in rows if isinstance(r, ImageVersionRow)}
    assert found == {
        "r:5/redis:7": "sha256:9", "r:5/redis@sha256:9": "sha256:9", "other@sha256:0": "sha256:0"
    }  # fmt: skip


def test_a_restart_adds_no_version_and_finds_what_went_meanwhile(rows: list[Row]) -> None:
    tracker, writer = Tracker(), ImageRows(rows.append)
    tracker.add_host("a")
    tracker.listen(writer)
    writer.expect({"a": {"redis:7": ONE, "redis:6": ONE}})
    tracker.resume_images({"a": {ONE: image(ONE, "redis:7"), TWO: image(TWO, "old:1")}})
    known = tracker.image("a", ONE)
    assert known is not None
    assert not tracker.images("a")
    tracker.put_image(known)
    tracker.keep_only_images("a", [ONE])
    assert not versions(rows)
    gone = [(row.id, row.tags) for row in rows if isinstance(row, ImageRow) and row.removed]
    assert gone == [(TWO, ["old:1"])]
    assert list(tracker.images("a")) == [ONE]


@pytest.mark.parametrize("said", ["1" * 64, ONE])
def test_an_image_without_a_name_and_with_figures_beyond_all_bounds(said: str) -> None:
    listed = ImageSummary(
        id=said,
        repo_tags=["<none>:<none>"],
        repo_digests=["<none>@<none>", "redis@sha256:9"],
        created=-62_135_596_800,
        size=2**64,
    )
    found = translate.image("a", listed, ImageInspect(id=said, architecture="arm64"), None, NOON)
    assert (found.id, found.tags, found.digests) == (ONE, (), ("redis@sha256:9",))
    assert (found.size, found.created) == (2**63 - 1, None)
    assert (found.architecture, found.operating_system) == ("arm64", None)
    again = translate.image("a", listed, None, found, NOON.replace(year=2027))
    assert again == found
