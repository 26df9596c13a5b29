"""Images over all hosts: one for each id, and tags that mean several. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from web.image_documents import ImageDocument, ImageUserDocument
from web.rest.order import Listing, moment

NO_NAME = "<none>"
Platform = tuple[str | None, str | None]


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image, on all hosts that have it: `holders` by host."""

    id: str
    tags: tuple[str, ...]
    holders: tuple[ImageDocument, ...]

    @property
    def first(self) -> ImageDocument:
        """What it is is the same on all hosts."""
        return self.holders[0]

    @property
    def size(self) -> int:
        """In bytes, on one host."""
        return self.first.size

    @property
    def created(self) -> datetime | None:
        """When it was built."""
        return self.first.created

    @property
    def users(self) -> tuple[tuple[str, ImageUserDocument], ...]:
        """The containers made of it, with their hosts."""
        return tuple((one.host, user) for one in self.holders for user in one.containers)

    @property
    def spare(self) -> tuple[ImageDocument, ...]:
        """Where no container is made of it."""
        return tuple(one for one in self.holders if not one.containers)


BY: Listing[Image] = Listing(
    {
        "name": lambda image: image.tags[0] if image.tags else None,
        "size": lambda image: image.size,
        "created": lambda image: moment(image.created),
        "hosts": lambda image: len(image.holders),
        "containers": lambda image: len(image.users),
    },
    ties=lambda image: ("" if image.tags else "~", "\0".join(image.tags), image.id),
)


def gathered(found: Sequence[ImageDocument]) -> list[Image]:
    """One for each id."""
    by_id: dict[str, list[ImageDocument]] = {}
    for image in found:
        by_id.setdefault(image.id, []).append(image)
    return [
        Image(
            id=ident,
            tags=tuple(sorted({tag for one in holders for tag in one.tags})),
            holders=tuple(sorted(holders, key=lambda one: one.host)),
        )
        for ident, holders in by_id.items()
    ]


def meanings(found: Sequence[ImageDocument]) -> Mapping[str, int]:
    """Tags that mean several images, and how many; those for other machines are meant to differ."""
    ids: dict[tuple[str, Platform], set[str]] = {}
    for image in found:
        platform = (image.operating_system, image.architecture)
        for tag in image.tags:
            ids.setdefault((tag, platform), set()).add(image.id)
    counts: dict[str, int] = {}
    for (tag, _), several in ids.items():
        if len(several) > 1:
            counts[tag] = max(counts.get(tag, 0), len(several))
    return counts
