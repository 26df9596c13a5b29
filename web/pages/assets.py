"""The scripts and the stylesheet of the pages, as `frontend` built them into this package.

A name carries the hash of what is inside: browsers keep each file for ever, and get another one
under another name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from web.access.model import OPEN, ROLE
from web.sources import WebRequest

FOLDER = files("web.pages") / "static"
KEPT = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_CODINGS = (("br", ".br"), ("gzip", ".gz"))  # the smaller one first


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Which file is which: `main.js` to its name with a hash, and what each imports at once."""

    files: Mapping[str, str]
    imports: Mapping[str, Sequence[str]]


class AssetsMissingError(Exception):
    """The pages were not built."""


@cache
def manifest() -> Manifest:
    """What was built.

    Raises:
        AssetsMissingError: Nothing was.
    """
    try:
        text = (FOLDER / "manifest.json").read_bytes()
    except OSError as error:
        raise AssetsMissingError(
            "The scripts of the pages are not there: `make pages` builds them."
        ) from error
    return msgspec.json.decode(text, type=Manifest)


def asset_path(name: str) -> str:
    """Where a browser finds `main.js`, `charts.js`, `logs.js` or `fleet.css`."""
    return f"/static/{manifest().files[name]}"


def asset_handlers() -> list[HTTPRouteHandler]:
    """A handler for each file; none where nothing was built, as an API alone needs none."""
    try:
        names = {
            *manifest().files.values(),
            *(n for many in manifest().imports.values() for n in many),
        }
    except AssetsMissingError:
        return []
    return [_handler(name) for name in sorted(names)]


def _handler(name: str) -> HTTPRouteHandler:
    plain = (FOLDER / name).read_bytes()
    coded = {coding: (FOLDER / f"{name}{ending}").read_bytes() for coding, ending in _CODINGS}
    headers = {
        "content-type": _TYPES[name[name.rindex(".") :]],
        "cache-control": KEPT,
        "vary": "accept-encoding",
    }

    # It says nothing of the fleet, and the page for logging in needs it.
    @get(f"/static/{name}", opt={ROLE: OPEN}, include_in_schema=False, name=f"asset {name}")
    async def show(request: WebRequest) -> ASGIResponse:
        accepted = {
            each.split(";")[0].strip()
            for each in request.headers.get("accept-encoding", "").split(",")
        }
        for coding, body in coded.items():
            if coding in accepted:
                return ASGIResponse(body=body, headers={**headers, "content-encoding": coding})
        return ASGIResponse(body=plain, headers=headers)

    return show
