"""What `fleet images` reads from the running fleet."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import quote

import msgspec

from fleet.cli.api import PAGE, Api, RefusedError
from fleet.cli.errors import CommandError
from fleet.cli.output import note
from web.documents import (
    Page,
)
from web.history_documents import ImageHistoryDocument
from web.image_documents import (
    ImageDocument,
    ImagesDocument,
)


class OneImage(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet images REF --json`. `history` is None where it cannot be read."""

    images: tuple[ImageDocument, ...]
    history: ImageHistoryDocument | None


def every_image(api: Api) -> list[ImageDocument]:
    """All images of all hosts, page by page."""
    found: list[ImageDocument] = []
    while True:
        query = {"offset": str(len(found)), "limit": str(PAGE)}
        answer = api.read("/api/images", ImagesDocument, query)
        found += answer.images
        if not answer.images or len(found) >= answer.page.total:
            return found


def listed(api: Api, hosts: Collection[str], *, unused: bool) -> ImagesDocument:
    """The images of the hosts, perhaps only those that no container is made of."""
    found = [
        image
        for image in every_image(api)
        if image.host in hosts and not (unused and image.containers)
    ]
    page = Page(total=len(found), offset=0, limit=max(1, len(found)))
    return ImagesDocument(images=tuple(found), page=page)


def one_image(api: Api, reference: str, hosts: Collection[str] | None) -> OneImage:
    """An image by its tag, its id or the beginning of that, and its past.

    Args:
        api: The running fleet.
        reference: What it is called.
        hosts: On which hosts; None for all, those that were removed too.

    Raises:
        CommandError: Nobody has or had it.
    """
    path = "/api/images/" + quote(reference, safe="")
    try:
        images = tuple(
            image
            for image in api.read(path, ImagesDocument).images
            if hosts is None or image.host in hosts
        )
    except RefusedError as error:
        if error.kind != "unknown-image":
            raise
        images = ()
    history = _history(api, path, hosts)
    if not images and (history is None or not (history.versions or history.uses)):
        raise CommandError(f"no host has or had an image {reference!r}", _hint(api, reference))
    return OneImage(images=images, history=history)


def _hint(api: Api, reference: str) -> str:
    """The tags of a name that was given without one."""
    tags = tags_of(reference, every_image(api))
    if not tags:
        return "`fleet images` lists those there are"
    return f"did you mean {' or '.join(tags[:6])}{', ...' if len(tags) > 6 else ''}?"


def tags_of(name: str, images: Iterable[ImageDocument]) -> list[str]:
    """The tags of `images` that begin with this name of a repository."""
    return sorted({tag for image in images for tag in image.tags if tag.startswith(f"{name}:")})


def _history(api: Api, path: str, hosts: Collection[str] | None) -> ImageHistoryDocument | None:
    try:
        found = api.read(f"{path}/history", ImageHistoryDocument)
    except RefusedError as error:
        if error.kind not in ("history-unavailable", "unknown-image", "unknown-path"):
            raise
        if error.kind != "unknown-image":
            note(f"fleet: its past is not known: {error.message}")
        return None
    if hosts is None:
        return found
    return msgspec.structs.replace(
        found,
        versions=tuple(each for each in found.versions if each.host in hosts),
        uses=tuple(each for each in found.uses if each.host in hosts),
    )
