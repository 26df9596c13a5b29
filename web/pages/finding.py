"""What the palette finds: anything that has a page, by words of its name."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nsmallest
from itertools import count
from typing import NamedTuple
from urllib.parse import quote

from web.pages.shell import NAVIGATION
from web.sources import Sources

MOST = 12  # of the hits that are shown; who looks for more writes another letter


class Hit(NamedTuple):
    """Something with a page.

    Attributes:
        kind: What it is, in a word.
        name: What it is called.
        where: What tells it from others of that name.
        path: Its page.
    """

    kind: str
    name: str
    where: str
    path: str


def find(source: Sources, text: str) -> list[Hit]:
    """The best hits for some words, all of which must be found; pages and hosts for none."""
    words = text.lower().split()[:8]
    number = count()
    ranked = (
        (rank, len(hit.name), next(number), hit)
        for hit in _all(source, words)
        if (rank := rank_of(hit, words)) is not None
    )
    return [hit for *_, hit in nsmallest(MOST, ranked)]


def rank_of(hit: Hit, words: list[str]) -> int | None:
    """How well a hit fits, 0 is best; None where a word is not found at all."""
    name = hit.name.lower()
    beside = f"{hit.where} {hit.kind}".lower()
    rank = 0
    for word in words:
        if name == word:
            continue
        if name.startswith(word):
            rank += 1
        elif word in name:
            rank += 2
        elif word in beside:
            rank += 3
        else:
            return None
    return rank


def _all(source: Sources, words: list[str]) -> Iterator[Hit]:
    yield from (Hit("page", name, "", path) for path, name in NAVIGATION)
    for host in source.model.hosts():
        yield Hit("host", host.name, host.status, f"/hosts/{_part(host.name)}")
    if not words:
        return
    for each in source.model.containers():
        # There may be many thousands, and few are hits.
        said = f"{each.name} {each.host} {each.state} container".lower()
        if not all(word in said for word in words):
            continue
        path = f"/hosts/{_part(each.host)}/containers/{_part(each.name)}"
        yield Hit("container", each.name, f"{each.host} {each.state}", path)
    if source.routing is not None:
        for route in source.routing.table().routes:
            yield Hit("route", route.domain, "", f"/routes/{_part(route.domain)}")
    tags = {tag for image in source.model.images() for tag in image.tags}
    yield from (Hit("image", tag, "", f"/images/{_part(tag)}") for tag in sorted(tags))


def _part(text: str) -> str:
    return quote(text, safe="")
