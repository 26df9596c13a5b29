"""The one place where who asks is given only what they may see."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from web.access.model import Access, Authority
from web.access.scope import Sight
from web.access.scoped_history import ScopedHistory
from web.access.scoped_live import ScopedLive, ScopedLogs
from web.access.scoped_model import ScopedModel
from web.access.scoped_routes import ScopedRouting, Tables, scoped_change
from web.sources import Sources

NOBODY = Access(kind="anonymous", scope=(("nobody", "1"), ("nobody", "2")))  # no host has both


class Narrowing:
    """Gives each request its sources.

    Args:
        whole: All there is.
        authority: Says when streams end that somebody may no longer read.
    """

    def __init__(self, whole: Sources, authority: Authority) -> None:
        self._whole = whole
        self._authority = authority
        self._tables = Tables()

    def __call__(self, access: Access | None) -> Sources:
        """What somebody sees. Who is not known sees no host."""
        access = access or NOBODY
        whole = self._whole
        if access.kind in ("token", "session"):
            whole = replace(
                whole, streams=whole.streams.leased(partial(self._authority.lease, access))
            )
        return self._within(whole, access) if access.scope else whole

    def _within(self, whole: Sources, access: Access) -> Sources:
        sight = Sight(access, whole.model.host_labels)
        routing = whole.routing and ScopedRouting(whole.routing, sight, self._tables)
        history = whole.history and ScopedHistory(
            whole.history,
            sight,
            partial(scoped_change, sees=sight.sees, known=sight.is_configured),
        )
        hosts = sight.hosts()
        return replace(
            whole,
            model=ScopedModel(whole.model, sight, None if routing is None else routing.table),
            history=history,
            logs=whole.logs and ScopedLogs(whole.logs, sight),
            routing=routing,
            exposition=whole.exposition.within(hosts),
            sparks=whole.sparks.within(hosts),
            live=whole.live and ScopedLive(whole.live, sight),
            configured=None,
            holdings=None,
            hosts=hosts,
        )
