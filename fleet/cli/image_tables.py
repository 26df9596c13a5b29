"""The tables of `fleet images`."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.cli.format import ago, size
from fleet.cli.image_sources import OneImage
from fleet.cli.output import note
from fleet.cli.table import Cell, Column, Table, Tone, cell, write_lines, write_table
from web.history_documents import ImageHistoryDocument
from web.image_documents import (
    ImageDocument,
)


def write_images(images: Sequence[ImageDocument]) -> None:
    """Write the list, and what could be removed."""
    write_table(images_table(images))
    unused = [image for image in images if not image.containers]
    if unused:
        many = f"{len(unused)} image" + ("" if len(unused) == 1 else "s")
        bytes_of = size(sum(image.size for image in unused))
        note(f"{many} without a container, {bytes_of}; layers they share with others stay")


def images_table(images: Sequence[ImageDocument]) -> Table:
    """One row for each image of each host."""
    columns = (
        Column("HOST", least=8),
        Column("IMAGE", least=20),
        Column("ID"),
        Column("SIZE", right=True),
        Column("USED BY", rank=1, least=12),
        Column("CREATED", rank=2, right=True),
        Column("FIRST SEEN", rank=3, right=True),
        Column("PLATFORM", rank=4),
    )

    def row(image: ImageDocument) -> list[Cell]:
        stale: Tone = "dim" if image.stale_since else ""
        return [
            cell(image.host, stale),
            cell(_names(image), stale or "strong"),
            cell(short(image.id), "dim"),
            cell(size(image.size), stale),
            cell(_users(image), stale or "good"),
            cell(ago(image.created), stale),
            cell(ago(image.first_seen), stale),
            cell(_platform(image), stale),
        ]

    return Table(columns, [row(image) for image in images])


def short(identity: str) -> str:
    """An image's id as docker shows it: twelve characters."""
    return identity.removeprefix("sha256:")[:12]


def _names(image: ImageDocument) -> str:
    if image.tags:
        return ", ".join(image.tags)
    return image.digests[0].partition("@")[0] + "@<no tag>" if image.digests else "<no name>"


def _users(image: ImageDocument) -> str:
    return ", ".join(user.name for user in image.containers)


def _platform(image: ImageDocument) -> str:
    return "/".join(filter(None, (image.operating_system, image.architecture)))


def show_one(found: OneImage) -> None:
    """Write who has the image, what it meant when, and who was made of it."""
    if found.images:
        write_lines([Cell("On hosts", "strong")])
        write_table(images_table(found.images))
    else:
        write_lines([Cell("No host has it any more.", "warn")])
    history = found.history
    if history is not None and history.versions:
        write_lines([Cell(" "), Cell("Versions", "strong")])
        write_table(versions_table(history))
    if history is not None and history.uses:
        write_lines([Cell(" "), Cell("Containers", "strong")])
        write_table(uses_table(history))


def versions_table(history: ImageHistoryDocument) -> Table:
    """What each reference meant, newest first."""
    columns = (
        Column("HOST", least=8),
        Column("REFERENCE", least=16),
        Column("ID"),
        Column("SINCE", right=True),
        Column("UNTIL", right=True),
        Column("SIZE", rank=2, right=True),
        Column("CREATED", rank=3, right=True),
        Column("DIGEST", rank=4, least=19),
    )
    rows = [
        [
            cell(each.host),
            cell(each.reference, "strong"),
            cell(short(each.image_id), "dim"),
            cell(f"{ago(each.since)} ago"),
            cell(f"{ago(each.until)} ago" if each.until else "now", "dim" if each.until else ""),
            cell(size(each.size)),
            cell(ago(each.created)),
            cell(each.digest, "dim"),
        ]
        for each in history.versions
    ]
    return Table(columns, rows)


def uses_table(history: ImageHistoryDocument) -> Table:
    """Which containers were made of it, newest first."""
    columns = (
        Column("HOST", least=8),
        Column("NAME", least=16),
        Column("CONTAINER", rank=2),
        Column("IMAGE", rank=3, least=12),
        Column("IMAGE ID", rank=1),
        Column("FROM", right=True),
        Column("UNTIL", right=True),
    )
    rows = [
        [
            cell(each.host),
            cell(each.name, "strong"),
            cell(each.container_id[:12], "dim"),
            cell(each.image),
            cell(short(each.image_id), "dim"),
            cell(f"{ago(each.first)} ago" if each.first else None),
            cell(f"{ago(each.last)} ago" if each.last else "now", "dim" if each.last else ""),
        ]
        for each in history.uses
    ]
    return Table(columns, rows)
