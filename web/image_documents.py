"""What the API answers of images."""

from __future__ import annotations

from datetime import datetime

from web.documents import Document, Page


class ImageUserDocument(Document, frozen=True, kw_only=True):
    """A container that is made of an image, running or not."""

    id: str
    name: str
    state: str


class ImageDocument(Document, frozen=True, kw_only=True):
    """One image of a host. `size` is in bytes.

    `tags` are references such as `redis:7`, `digests` such as `redis@sha256:...`; both are empty
    for an image without a name. `containers` are those made of it, by name. While the host is not
    up it is the last known state, and `stale_since` says from when.
    """

    host: str
    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    architecture: str | None
    operating_system: str | None
    created: datetime | None
    first_seen: datetime
    containers: tuple[ImageUserDocument, ...] = ()
    stale_since: datetime | None = None


class ImagesDocument(Document, frozen=True, kw_only=True):
    """`/api/images`: one page of the matches, in the order of host and tag.

    Of `/api/images/{ref}` too: the image on each host that has it.
    """

    images: tuple[ImageDocument, ...]
    page: Page
