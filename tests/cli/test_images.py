"""The tables of `fleet images`, from documents as the API has them."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet.cli.image_sources import OneImage, tags_of
from fleet.cli.image_tables import images_table, show_one, versions_table, write_images
from fleet.cli.table import Table
from web.history_documents import ImageHistoryDocument, ImageUseDocument, ImageVersionDocument
from web.image_documents import (
    ImageDocument,
    ImageUserDocument,
)

NOW = datetime.now(UTC)
OLD, NEW = "sha256:" + "a1" * 32, "sha256:" + "b2" * 32


def image(*tags: str, digests: tuple[str, ...] = (), users: tuple[str, ...] = ()) -> ImageDocument:
    return ImageDocument(
        host="edge-1",
        id=NEW,
        tags=tags,
        digests=digests,
        size=3 * 2**20,
        architecture="amd64",
        operating_system="linux",
        created=NOW - timedelta(days=9),
        first_seen=NOW - timedelta(hours=5),
        containers=tuple(ImageUserDocument(id="c" * 64, name=user, state="") for user in users),
    )


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_an_image_without_a_name_is_told_by_what_it_was() -> None:
    named = image("redis:7", "redis:latest", users=("db", "cache"))
    untagged, nameless = image(digests=("redis@sha256:12",)), image()
    rows = texts(images_table([named, untagged, nameless]))
    assert [row[1] for row in rows] == ["redis:7, redis:latest", "redis@<no tag>", "<no name>"]
    assert rows[0] == [
        *("edge-1", "redis:7, redis:latest", "b2b2b2b2b2b2", "3MiB", "db, cache"),
        *("9d", "5h", "linux/amd64"),
    ]


def test_what_could_go_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    write_images([image("a:1", users=("web",)), image("b:1"), image("c:1")])
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 4
    assert shown.err.startswith("2 images without a container, 6MiB")


def test_one_image_tells_its_past(capsys: pytest.CaptureFixture[str]) -> None:
    def version(identity: str, since: int, until: int | None) -> ImageVersionDocument:
        return ImageVersionDocument(
            host="edge-1",
            reference="redis:7",
            image_id=identity,
            digest=None,
            size=2**20,
            created=None,
            since=NOW - timedelta(hours=since),
            until=None if until is None else NOW - timedelta(hours=until),
        )

    use = ImageUseDocument(
        host="edge-1",
        container_id="d" * 64,
        name="db",
        identity="db",
        image="redis:7",
        image_id=OLD,
        first=NOW - timedelta(hours=9),
        last=NOW - timedelta(hours=4),
    )
    history = ImageHistoryDocument(
        ref="redis:7",
        references=("redis:7",),
        ids=(NEW, OLD),
        versions=(version(NEW, 4, None), version(OLD, 9, 4)),
        uses=(use,),
    )
    assert [row[2:5] for row in texts(versions_table(history))] == [
        ["b2b2b2b2b2b2", "4h ago", "now"],
        ["a1a1a1a1a1a1", "9h ago", "4h ago"],
    ]
    show_one(OneImage(images=(), history=history))
    shown = capsys.readouterr().out
    assert "No host has it any more." in shown
    assert "dddddddddddd" in shown
    show_one(OneImage(images=(image("redis:7"),), history=None))
    assert "On hosts" in capsys.readouterr().out


def test_a_name_without_a_tag_has_those_there_are() -> None:
    images = [image("redis:7", "redis:latest"), image("redis:7"), image("redis-ui:1"), image()]
    assert tags_of("redis", images) == ["redis:7", "redis:latest"]
    assert tags_of("red", images) == []
