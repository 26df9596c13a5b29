"""What is begun with an access, and ends with it: live streams above all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from web.access.model import Access


class _Lease:
    """Compared by itself: one access may have many."""

    def __init__(self, access: Access, scope: anyio.CancelScope) -> None:
        self.access = access
        self.scope = scope


class Leases:
    """Those that are under way.

    Args:
        holds: Whether an access is still what it was when it was given.
    """

    def __init__(self, holds: Callable[[Access], bool]) -> None:
        self._holds = holds
        self._open: set[_Lease] = set()

    @contextmanager
    def take(self, access: Access, scope: anyio.CancelScope) -> Iterator[None]:
        """For the length of the block: `end` cancels `scope` once the access holds no more."""
        lease = _Lease(access, scope)
        self._open.add(lease)
        try:
            if not self._holds(access):  # it ended between the gate and here
                scope.cancel()
            yield
        finally:
            self._open.discard(lease)

    def end(self) -> None:
        """Cancel what was begun with an access that holds no more."""
        for lease in tuple(self._open):
            if not self._holds(lease.access):
                lease.scope.cancel()
