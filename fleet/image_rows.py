"""Changes of images to rows of the database, and when a reference newly means another image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from fleet.changes import Change, HostRemoved, ImageChanged, ImageRemoved
from fleet.model import Image
from fleet.tracker import now
from storage.rows import ImageRow, ImageVersionRow, Row


class ImageRows:
    """A tracker's listener that offers rows for images.

    Args:
        offer: Takes a row; never blocks.
    """

    def __init__(self, offer: Callable[[Row], None]) -> None:
        self._offer = offer
        self._meanings: dict[str, dict[str, str]] = {}  # host -> reference -> image id

    def expect(self, meanings: Mapping[str, Mapping[str, str]]) -> None:
        """Know what each reference meant as far as it is stored, by host."""
        self._meanings |= {host: dict(known) for host, known in meanings.items()}

    def __call__(self, change: Change) -> None:
        """Offer what a change adds."""
        match change:
            case ImageChanged(image=image, previous=previous):
                self._offer(image_row(image))
                gone = references(previous) - references(image) if previous else set()
                self._forget(image, gone)
                self._learn(image)
            case ImageRemoved(image=image, at=at):
                self._offer(image_row(image, removed=at))
                self._forget(image, references(image))
            case HostRemoved(host=host):
                self._meanings.pop(host, None)

    def _learn(self, image: Image) -> None:
        known = self._meanings.setdefault(image.host, {})
        for reference in sorted(references(image)):
            if known.get(reference) != image.id:
                known[reference] = image.id
                self._offer(version_row(image, reference))

    def _forget(self, image: Image, gone: set[str]) -> None:
        """Forget names that an image lost, unless another one has taken them over already."""
        known = self._meanings.get(image.host, {})
        for reference in gone:
            if known.get(reference) == image.id:
                del known[reference]


def references(image: Image) -> set[str]:
    """All names of an image, those by digest too."""
    return {*image.tags, *image.digests}


def image_row(image: Image, removed: datetime | None = None) -> ImageRow:
    """An image's current state, or its last one when it is gone."""
    return ImageRow(
        host=image.host,
        id=image.id,
        tags=list(image.tags),
        digests=list(image.digests),
        size=image.size,
        architecture=image.architecture,
        operating_system=image.operating_system,
        created=image.created,
        first_seen=image.first_seen,
        seen=removed or now(),
        removed=removed,
    )


def version_row(image: Image, reference: str) -> ImageVersionRow:
    """What a reference means from now on."""
    return ImageVersionRow(
        time=now(),
        host=image.host,
        reference=reference,
        image_id=image.id,
        digest=digest_of(image, reference),
        size=image.size,
        created=image.created,
    )


def digest_of(image: Image, reference: str) -> str | None:
    """The digest that a registry knows an image by under this name; None where none is known."""
    name, at, digest = reference.partition("@")
    if at:
        return digest
    repository = name.rpartition(":")[0]
    found = (entry.partition("@") for entry in image.digests)
    return next((digest for name, _, digest in found if name == repository), None)
