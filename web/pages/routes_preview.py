"""What labels or a Compose file would make, tried on the page of routes. Nothing is changed."""

from __future__ import annotations

import re
from functools import partial

import anyio
import msgspec
from anyio import to_thread
from litestar import post
from litestar.response.base import ASGIResponse

from labels.routing.words import listed
from web.access.csrf import CHECK, FORM, check_same_origin
from web.access.forms import read_form
from web.finding import check_host_filter
from web.gate import MAX_PREVIEW
from web.pages.failing import answer_page
from web.pages.routes_asked import Asked
from web.pages.routes_draw import RoutesDrawing
from web.pages.routes_words import WORDS
from web.pages.shell import page, viewer_of
from web.problems import Problem
from web.revp.explaining import address
from web.revp.preview import RETRY_AFTER, SECONDS, make_preview
from web.revp.previewing import ANYWHERE
from web.route_documents import PreviewDocument
from web.sources import WebRequest, require_routing, sources

_COMPOSE = re.compile(r"""^["'{\s]*services["']?\s*:""", re.MULTILINE)
_LABEL = re.compile(r"""["']?([^=:\s"']+)["']?\s*[=:]\s*(.*)""")
_AROUND = frozenset({"", "labels:", "{", "}"})  # of what was copied along


@post(
    "/routes",
    status_code=200,
    include_in_schema=False,
    exception_handlers={Exception: answer_page},
    opt={CHECK: FORM},
)
async def show_preview_page(request: WebRequest) -> ASGIResponse:
    """The page with what was sent, and what it would make."""
    check_same_origin(request.scope)
    require_routing(request)
    fields = await read_form(request, most=MAX_PREVIEW)
    text, host = fields.get("text", ""), fields.get("host", "")
    check_host_filter(sources(request).model, [host] if host else ())
    preview, refused = None, ""
    try:
        preview = await _preview(request, text, host)
    except Problem as problem:
        if problem.kind not in ("bad-body", "too-many-previews"):
            raise
        refused = problem.detail
    source = sources(request)
    asked = Asked(tab="preview")
    return page(
        request,
        "routes.html",
        title="Routes",
        asked=asked,
        regions=RoutesDrawing(source, viewer_of(request), asked).draw(),
        opening="",
        hosts=sorted(source.model.host_labels()),
        chips=(),
        kept=True,
        text=text,
        host=host,
        preview=preview,
        refused=refused,
        address=address,
        listed=listed,
        **WORDS,
    )


async def _preview(request: WebRequest, text: str, host: str) -> PreviewDocument:
    if not text.strip():
        raise Problem("bad-body", "Nothing was pasted: labels or a Compose file are needed.")
    routing = require_routing(request)
    place = (routing.place(host) if host else None) or ANYWHERE
    is_compose = _COMPOSE.search(text) is not None
    body = text.encode() if is_compose else msgspec.json.encode({"labels": labels_of(text)})
    with anyio.move_on_after(SECONDS):
        async with sources(request).previews:
            work = partial(
                make_preview, body, not is_compose, place, routing.rules(), routing.table()
            )
            return await to_thread.run_sync(work)
    raise Problem("too-many-previews", "Others are previewed. Try again.", headers=RETRY_AFTER)


def labels_of(text: str) -> dict[str, str]:
    """Labels as people have them: a line each, `KEY=VALUE` or `KEY: VALUE`, quoted or in a list.

    Raises:
        Problem: A line is no label (400).
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        said = _bare(line)
        if said in _AROUND or said.startswith("#"):
            continue
        match = _LABEL.fullmatch(said)
        if match is None:
            raise Problem(
                "bad-body",
                f"Line {number} is no label. Write KEY=VALUE or KEY: VALUE in each, or a Compose"
                " file with `services:`.",
            )
        found[match[1]] = _unquoted(match[2])
    return found


def _bare(line: str) -> str:
    """A line without what stands around a label: in a list, on a command line, in JSON."""
    said = line.strip().rstrip("\\,").strip()
    for mark in ("- ", "--label ", "--label=", "-l "):
        said = said.removeprefix(mark).strip()
    return _unquoted(said)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted and text.count(text[0]) == 2 else text
