"""Which container of the present or the past a path means."""

from __future__ import annotations

from web.documents import ContainerDocument
from web.finding import ambiguous, best, find_container
from web.history import Recorded
from web.history_documents import IncarnationDocument
from web.paths import segment
from web.sources import Sources, WebRequest, history_of, sources


async def find_recorded(request: WebRequest, ref: str, host: str | None = None) -> Recorded:
    """What history of it is read by: those that live come first, then those ever stored.

    Raises:
        Problem: There is none (404), there are several (409), or there is no database (503).
        HistoryUnavailable: The database is away.
    """
    return await find_recorded_in(sources(request), ref, host)


async def find_recorded_in(source: Sources, ref: str, host: str | None = None) -> Recorded:
    """The same, of sources."""
    model, history = source.model, history_of(source)
    wanted = segment(ref).removeprefix("/")
    live = best(model.find(wanted, host), wanted)
    if len(live) > 1:
        raise ambiguous(wanted, live)
    if live:
        stored = await history.recorded(live[0].host, wanted)
        same = [
            found for found in stored if any(live[0].id == one.id for one in found.incarnations)
        ]
        return same[0] if same else _of(live[0])
    stored = await history.recorded(host, wanted)
    if len(stored) > 1:
        raise ambiguous(wanted, stored)
    return stored[0] if stored else _of(find_container(model, wanted, host))


def _of(container: ContainerDocument) -> Recorded:
    """A container that the database does not know yet."""
    incarnation = IncarnationDocument(
        id=container.id,
        name=container.name,
        image=container.image,
        image_id=container.image_id,
        first=container.created,
    )
    return Recorded(
        host=container.host,
        id=container.id,
        name=container.name,
        identity=container.identity,
        incarnations=(incarnation,),
    )
