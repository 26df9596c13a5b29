"""What each of several containers used, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import anyio
from litestar import get
from litestar.response.base import ASGIResponse

from web.answers import json_answer
from web.history import Span
from web.history_documents import Resolution, StatsHistoriesDocument, StatsHistoryDocument
from web.parameters import End, FewPoints, Ids, Last, OneResolution, Start
from web.problems import Problem
from web.recorded import find_recorded
from web.schema import answers
from web.sources import WebRequest, require_history
from web.times import window

MOST_CONTAINERS = 50
MOST_POINTS = 20_000  # of all of them together
AT_A_TIME = 2  # so that one client does not take all readers of the database


@get("/api/metrics/containers/history", responses=answers(StatsHistoriesDocument, 503))
async def show_stats_histories(
    request: WebRequest,
    ids: Ids = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    points: FewPoints = 60,
    resolution: OneResolution = None,
) -> ASGIResponse:
    """Stored samples of up to 50 containers, removed or not, in the order in which they are named.

    Those that are not found, or could be several, are named in `missing`.
    """
    span = Span(*window(start, end, last, datetime.now(UTC)))
    refs = list(dict.fromkeys(ids or ()))
    if not 0 < len(refs) <= MOST_CONTAINERS:
        raise _bad("id", f"Give `id` 1 to {MOST_CONTAINERS} times; it stands {len(refs)} times.")
    if len(refs) * points > MOST_POINTS:
        raise _bad("points", f"All together may have {MOST_POINTS} points; ask for fewer.")
    require_history(request)
    found = await _read(request, refs, span, points, resolution)
    document = StatsHistoriesDocument(
        start=span.start,
        end=span.end,
        containers=tuple(found[ref] for ref in refs if ref in found),
        missing=tuple(ref for ref in refs if ref not in found),
    )
    return json_answer(document)


async def _read(
    request: WebRequest, refs: Sequence[str], span: Span, points: int, resolution: Resolution | None
) -> dict[str, StatsHistoryDocument]:
    found: dict[str, StatsHistoryDocument] = {}
    left = list(reversed(refs))

    async def work() -> None:
        while left:
            ref = left.pop()
            history = await _history(request, ref, span, points, resolution)
            if history is not None:
                found[ref] = history

    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(AT_A_TIME):
                tasks.start_soon(work)
    except ExceptionGroup as group:  # the first of what each of them says of the database
        raise group.exceptions[0] from None
    return found


async def _history(
    request: WebRequest, ref: str, span: Span, points: int, resolution: Resolution | None
) -> StatsHistoryDocument | None:
    host, slash, name = ref.partition("/")
    try:
        container = await find_recorded(request, name if slash else ref, host if slash else None)
    except Problem as problem:
        if problem.status not in (404, 409):
            raise
        return None
    return await require_history(request).stats_history(container, span, points, resolution)


def _bad(parameter: str, detail: str) -> Problem:
    return Problem("bad-parameter", detail, parameter=parameter)
