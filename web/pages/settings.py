"""The settings: how fleet is set up, what it stored, who may, and how it is itself."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.access.csrf import CHECK, FORM
from web.access.forms import read_form
from web.access.model import ROLE, WHOLE
from web.live.handlers import require_live
from web.pages.declaring import Seen, page_at, post_at, stream_at
from web.pages.regions import RegionStream, opening
from web.pages.settings_drawing import SettingsDrawing
from web.pages.shell import page, viewer_of
from web.pages.troubles import beside_banner
from web.problems import Problem
from web.reloading import ReloadDocument, ReloadRefusedError
from web.sources import WebRequest, sources

SECTIONS = (
    ("/settings", "Configuration"),
    ("/settings/storage", "Storage"),
    ("/settings/access", "Access"),
    ("/settings/audit", "Audit"),
    ("/settings/fleet", "fleet itself"),
)
Section = Literal["config", "storage", "fleet"]
_Find = Annotated[str, QueryParameter(name="find", description="a part of a key", max_length=100)]
_Which = Annotated[
    Literal["all", "written", "waiting"],
    QueryParameter(name="show", description="which keys of the configuration"),
]
_Section = Annotated[Section, QueryParameter(name="section", description="which one is shown")]


@page_at("/settings")
async def show_settings_page(
    request: WebRequest, find: _Find = "", which: _Which = "all"
) -> ASGIResponse:
    """The configuration in force."""
    return await _config_page(request, find, which)


@post_at("/settings", opt={ROLE: "operator", CHECK: FORM})
async def reload_from_page(request: WebRequest) -> ASGIResponse:
    """Read the configuration anew, and show what that did."""
    await read_form(request)
    reload = sources(request).reload
    if reload is None:
        raise Problem("reload-unavailable", "There is no hosts.toml to be read anew here.")
    try:
        done = _done(await reload())
    except ReloadRefusedError:  # the page says why
        return await _config_page(request, refused=True)
    return await _config_page(request, done=done)


@page_at("/settings/storage")
async def show_storage_page(request: WebRequest) -> ASGIResponse:
    """Where history goes, and what is there."""
    return await _live_page(request, "storage", "Storage")


@page_at("/settings/fleet")
async def show_program_page(request: WebRequest) -> ASGIResponse:
    """The program itself."""
    return await _live_page(request, "fleet", "fleet itself")


@stream_at("/live/settings", opt={WHOLE: True})
async def stream_settings_page(
    request: WebRequest,
    section: _Section = "config",
    find: _Find = "",
    which: _Which = "all",
    seen: Seen = None,
) -> ASGIApp:
    """What changes of a section."""
    source, viewer = sources(request), viewer_of(request)
    drawing = SettingsDrawing(source, viewer, section, find, which)
    ledgers = [require_live(source.live).ledger("hosts")]
    seen = request.headers.get("last-event-id") or seen
    draw = beside_banner(drawing, source.model.fleet, viewer.zone)
    return RegionStream(source.streams, draw, ledgers, seen, prepare=drawing.look)


async def _config_page(
    request: WebRequest,
    find: str = "",
    which: str = "all",
    *,
    done: str = "",
    refused: bool = False,
) -> ASGIResponse:
    return await _live_page(
        request, "config", "Configuration", find, which, done, status=409 if refused else 200
    )


async def _live_page(
    request: WebRequest,
    section: Section,
    title: str,
    find: str = "",
    which: str = "all",
    done: str = "",
    *,
    status: int = 200,
) -> ASGIResponse:
    source = sources(request)
    if source.hosts is not None:
        return page(request, "settings/narrowed.html", title=title, sections=SECTIONS, what=section)
    drawing = SettingsDrawing(source, viewer_of(request), section, find, which)
    await drawing.look_briefly()
    regions = drawing()
    asked = [("section", section)] + ([("find", find)] if find else [])
    asked += [("show", which)] if which != "all" else []
    return page(
        request,
        "settings/live.html",
        title=title,
        status=status,
        sections=SECTIONS,
        section=section,
        find=find,
        which=which,
        done=done,
        regions=regions,
        opening=opening(f"/live/settings?{urlencode(asked)}", regions),
    )


def _done(told: ReloadDocument) -> str:
    parts = [
        f"{word} {', '.join(names)}"
        for word, names in (
            ("started", told.started),
            ("stopped", told.stopped),
            ("connected anew to", told.restarted),
        )
        if names
    ]
    return f"The file was read anew: {'; '.join(parts) or 'nothing changed for any host'}."
