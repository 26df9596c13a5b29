"""What of the page of images is asked for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal
from urllib.parse import urlencode

from litestar.params import QueryParameter

from web.pages.images_known import BY, Image

LONGEST = 200  # characters of a search

Hosts = Annotated[list[str] | None, QueryParameter(name="host", description="names of hosts")]
Name = Annotated[
    str,
    QueryParameter(name="name", description="part of a tag, a digest or an id", max_length=LONGEST),
]
Unused = Annotated[
    bool, QueryParameter(name="unused", description="only those that no container is made of")
]
Dangling = Annotated[bool, QueryParameter(name="dangling", description="only those without a name")]
Differing = Annotated[
    bool,
    QueryParameter(name="differing", description="only those of tags that mean several images"),
]
Sort = Annotated[str, QueryParameter(name="sort", description=f"some of {', '.join(BY.keys)}")]
Cursor = Annotated[
    str, QueryParameter(name="cursor", description="what the page before this one gave")
]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The query; empty means any, by name, from the first page."""

    hosts: tuple[str, ...] = ()
    name: str = ""
    unused: bool = False
    dangling: bool = False
    differing: bool = False
    sort: str = ""
    cursor: str = ""

    @property
    def filtered(self) -> bool:
        """Whether not all are meant."""
        flags = self.unused or self.dangling or self.differing
        return bool(self.hosts or self.name.strip() or flags)

    def query(self) -> str:
        """As it stands in an address, with its question mark; empty where nothing is asked."""
        flags = (
            ("unused", self.unused),
            ("dangling", self.dangling),
            ("differing", self.differing),
        )
        words = (("name", self.name), ("sort", self.sort), ("cursor", self.cursor))
        pairs = [("host", name) for name in self.hosts]
        pairs += [(name, "true") for name, said in flags if said]
        pairs += [(name, word) for name, word in words if word]
        return f"?{urlencode(pairs)}" if pairs else ""

    def sorted(self, sort: str) -> str:
        """The query of the first page in another order."""
        return replace(self, sort=sort, cursor="").query()

    def page(self, cursor: str) -> str:
        """The query of another page, empty for the first one."""
        return replace(self, cursor=cursor).query()

    def only(self, flag: Literal["unused", "dangling", "differing"]) -> str:
        """The query of one kind alone, on the same hosts."""
        return Asked(
            hosts=self.hosts,
            unused=flag == "unused",
            dangling=flag == "dangling",
            differing=flag == "differing",
        ).query()

    def matching(self, known: Sequence[Image], differing: frozenset[str]) -> list[Image]:
        """Those that are meant.

        Args:
            known: All.
            differing: Tags that mean several.
        """
        text = self.name.strip().casefold()
        return [
            image
            for image in known
            if (not self.hosts or any(one.host in self.hosts for one in image.holders))
            and (not self.unused or image.spare)
            and (not self.dangling or not image.tags)
            and (not self.differing or not differing.isdisjoint(image.tags))
            and (not text or text in _said(image))
        ]


def _said(image: Image) -> str:
    digests = (digest for one in image.holders for digest in one.digests)
    return "\n".join((*image.tags, image.id, *digests)).casefold()
