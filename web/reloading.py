"""`POST /api/config/reload`: the configuration is read anew now, as at SIGHUP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar import post
from litestar.response.base import ASGIResponse

from web.access.model import ROLE
from web.answers import json_answer
from web.documents import ConfigDocument, Document
from web.problems import Problem
from web.schema import answers
from web.sources import WebRequest, sources


class ReloadDocument(Document, frozen=True, kw_only=True):
    """What reading the configuration anew did: names of hosts, and what runs now."""

    started: tuple[str, ...]
    stopped: tuple[str, ...]
    restarted: tuple[str, ...]
    config: ConfigDocument


class ReloadRefusedError(Exception):
    """The file has mistakes, which the message lists; the old configuration runs on."""


Reload = Callable[[], Awaitable[ReloadDocument]]


@post(
    "/api/config/reload",
    status_code=200,
    responses=answers(ReloadDocument, 403, 409, 503),
    opt={ROLE: "operator"},
)
async def reload_config(request: WebRequest) -> ASGIResponse:
    """Read hosts.toml anew now, and say what that did, or what is wrong with it."""
    reload = sources(request).reload
    if reload is None:
        raise Problem("reload-unavailable", "There is no hosts.toml to be read anew here.")
    try:
        return json_answer(await reload())
    except ReloadRefusedError as error:
        raise Problem("config-refused", f"{error}") from error
