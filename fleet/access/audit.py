"""What is told to the audit: each new address of a token once an hour, what is refused in sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from storage.rows import AuditRow
from web.access.model import Access, Refusal

HOUR = timedelta(hours=1)
MOST_ADDRESSES = 10_000  # of tokens that are remembered for an hour
MOST_REFUSED = 1_000  # addresses told apart within a minute
ELSEWHERE = "others"  # in place of an address, where there were more

Record = Callable[[AuditRow], None]


class Audit:
    """Collects and records; call `flush` every minute, and at the end.

    Args:
        record: Takes rows, and never waits.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._told: set[tuple[str, str]] = set()
        self._told_since: datetime | None = None
        self._refused: Counter[tuple[str, str, Refusal]] = Counter()
        self._uses: dict[str, tuple[datetime, str]] = {}

    def used(self, access: Access, address: str, now: datetime) -> None:
        """A token was used: recorded if it is the first time from this address within the hour."""
        if access.kind == "token":
            self._uses[access.id] = (now, address)
        if self._told_since is None or now - self._told_since >= HOUR:
            self._told_since = now
            self._told.clear()
        key = (access.id, address)
        if key in self._told:
            return
        if len(self._told) >= MOST_ADDRESSES:
            address = ELSEWHERE
            if (access.id, address) in self._told:
                return
        self._told.add((access.id, address))
        self._record(
            AuditRow(
                time=now, kind="token-used", who=access.id, address=address, detail=access.name
            )
        )

    def refused(self, why: Refusal, id_: str, address: str) -> None:
        """A token was refused; `id_` is that of a known one, else empty."""
        key = (id_, address, why)
        if key not in self._refused and len(self._refused) >= MOST_REFUSED:
            key = ("", ELSEWHERE, why)
        self._refused[key] += 1

    def flush(self, now: datetime) -> dict[str, tuple[datetime, str]]:
        """Record what was refused; returns when tokens were last used, and from where."""
        for number, ((id_, address, why), count) in enumerate(self._refused.items()):
            self._record(
                AuditRow(
                    time=now + timedelta(microseconds=number),  # so that none is another's double
                    kind="token-refused",
                    who=id_,
                    address=address,
                    detail=why,
                    count=count,
                )
            )
        self._refused.clear()
        uses, self._uses = self._uses, {}
        return uses

    def keep_uses(self, uses: dict[str, tuple[datetime, str]]) -> None:
        """Take back what could not be written; what came meanwhile is newer."""
        self._uses = {**uses, **self._uses}
