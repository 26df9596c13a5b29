"""The pages of images: what nobody uses, what differs between hosts, and what it was before."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.web.asgi import Asking
from tests.web.fleet_in_memory import START, FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory
from web.access.model import Access
from web.access.static import StaticAuthority
from web.app import create_app
from web.history_documents import ImageHistoryDocument, ImageUseDocument, ImageVersionDocument
from web.image_documents import ImageUserDocument
from web.parts import Admitting, Shown

HOSTILE = "<img src=x onerror=alert(1)>\"'{rows}{{ 7*7 }}"
FRA = Access(kind="anonymous", scope=(("site", "fra"),))
MIB = 1024 * 1024


class Past(HistoryInMemory):
    """What `redis:7` was."""

    async def image_history(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> ImageHistoryDocument:
        empty = await super().image_history(host, ref, hosts)
        if ref != "redis:7":
            return empty
        version = ImageVersionDocument(
            host="one",
            reference=ref,
            image_id="sha256:" + "e" * 64,
            digest=None,
            size=5 * MIB,
            created=None,
            since=START,
            until=START,
        )
        use = ImageUseDocument(
            host="one",
            container_id="ab" * 32,
            name="long-gone",
            identity="name:long-gone",
            image=ref,
            image_id=version.image_id,
            first=START,
            last=START,
        )
        return replace(empty, versions=(version,), uses=(use,))


class Site:
    """Two hosts with images."""

    def __init__(self) -> None:
        self.fleet = FleetInMemory()
        self.history = Past()
        for name, site in (("one", "fra"), ("two", "berlin")):
            host = self.fleet.add_host(name)
            self.fleet.known_hosts[name] = replace(host, labels={"site": site})
        self.add("one", "a", "redis:7", size=10 * MIB, users=("cache",))
        self.add("two", "b", "redis:7", size=12 * MIB)
        self.add("one", "c", "shared/app:1", size=1 * MIB, users=("web", "batch"))
        self.add("two", "c", "shared/app:1", size=1 * MIB)
        self.add("two", "d", size=7 * MIB)
        self.shown = Shown(self.fleet, self.history, live=LiveInMemory())
        self.asking = Asking(create_app(self.shown))

    def add(
        self, host: str, digit: str, *tags: str, size: int = 1, users: Sequence[str] = ()
    ) -> None:
        image = self.fleet.add_image(host, digit, *tags)
        made = [ImageUserDocument(id=name * 4, name=name, state="running") for name in users]
        self.fleet.known_images[-1] = replace(image, size=size, containers=tuple(made))

    async def page(self, path: str = "/images", query: str = "") -> str:
        answer = await self.asking.ask("GET", path, query=query)
        assert answer.status == 200, answer.body
        return answer.body.decode()


def text(page: str) -> str:
    return re.sub(r" ([,/])", r"\1", " ".join(re.sub(r"<[^>]*>", " ", page).split()))


def found(page: str) -> str:
    """The images of the rows, by the digit of their id."""
    return "".join(re.findall(r'<tr id="image-sha256_3a_(.)', page))


@pytest.fixture
def site() -> Site:
    return Site()


async def test_each_image_is_one_row_with_who_has_and_uses_it(site: Site) -> None:
    page = await site.page()
    said = text(page)
    assert found(page) == "abcd"
    assert "4 images on 2 hosts, 31.0 MiB in all 3 unused, 20.0 MiB 1 without a name" in said
    assert said.count("is 2 different images") == 2
    assert "one, two one/web, one/batch unused on two" in said
    assert 'href="/hosts/one/containers/cache"' in page
    assert 'href="/images/shared%2Fapp%3A1"' in page


async def test_filters_and_order_are_in_the_address(site: Site) -> None:
    expected = {
        "host=one": "ac",
        "name=APP": "c",
        "name=sha256:dd": "d",
        "unused=true": "bcd",
        "dangling=true": "d",
        "differing=true": "ab",
        "sort=-size": "badc",
        "sort=-containers&unused=true": "cbd",
        "name=nothing": "",
    }
    for query, images in expected.items():
        page = await site.page(query=query)
        assert found(page) == images, query
        assert ("Clear the filter" in page) == (not images)
    for wrong in ("sort=colour", "host=nobody", "cursor=x"):
        assert (await site.asking.ask("GET", "/images", query=wrong)).status == 400


async def test_another_machine_may_have_another_image(site: Site) -> None:
    site.fleet.known_images[1] = replace(site.fleet.known_images[1], architecture="arm64")
    assert "different images" not in await site.page()


async def test_a_tag_tells_what_it_is_on_each_host_and_was_before(site: Site) -> None:
    said = text(await site.page("/images/redis:7"))
    assert "redis:7 is 2 different images on 2 hosts" in said
    assert "one/ long-gone" in said
    assert "eeeeeeeeeeee 5.0 MiB" in said
    for path in ("/images/shared/app:1", "/images/shared%2Fapp:1"):
        said = text(await site.page(path))
        assert "cccccccccccc 1.0 MiB" in said
        assert "different" not in said
        assert "Nothing was stored of it yet." in said
    answer = await site.asking.ask("GET", "/images/nothing")
    assert answer.status == 404
    site.history.away = "it restarts"
    assert "The past is missing: it restarts" in text(await site.page("/images/redis:7"))


async def test_who_sees_some_hosts_is_told_of_no_other(site: Site) -> None:
    asking = Asking(create_app(site.shown, Admitting(authority=StaticAuthority(None, FRA))))
    for path in ("/images", "/images/redis:7", "/images/shared/app:1"):
        page = text((await asking.ask("GET", path)).body.decode())
        assert not re.search(r"\b(two|dddd|bbbb|different images)", page), path
    assert (await asking.ask("GET", "/images/sha256:dddd")).status == 404


async def test_nothing_that_others_named_is_more_than_text(site: Site) -> None:
    site.add("one", "f", HOSTILE, users=(HOSTILE,))
    image = site.fleet.known_images[-1]
    site.fleet.known_images[-1] = replace(image, architecture=HOSTILE)
    for path in ("/images", "/images/sha256:ffff"):
        page = await site.page(path)
        assert "<img" not in page
        assert "49" not in text(page)


async def test_without_any_it_is_said_when_some_come() -> None:
    fleet = FleetInMemory()
    fleet.add_host("one")
    asking = Asking(create_app(Shown(fleet, None, live=LiveInMemory())))
    answer = await asking.ask("GET", "/images")
    assert "No image is known yet." in text(answer.body.decode())
