"""What the audit is told of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from storage.rows import AuditRow
from web.access.people import Visitor

MOST = 1_000  # names and addresses told apart within a minute
OTHERS = "others"  # in place of these, where there were more


def told(
    kind: str, who: str, visitor: Visitor | None, detail: str, now: datetime, count: int = 1
) -> AuditRow:
    """One row; without a visitor it is of a command on this machine."""
    address = "" if visitor is None else visitor.address
    return AuditRow(time=now, kind=kind, who=who, address=address, detail=detail, count=count)


class FailedLogins:
    """Logins that failed, in sums: whoever tries many passwords fills no disk.

    Args:
        record: Takes rows, and never waits.
    """

    def __init__(self, record: Callable[[AuditRow], None]) -> None:
        self._record = record
        self._failed: Counter[tuple[str, str, str]] = Counter()

    def add(self, who: str, visitor: Visitor, detail: str) -> None:
        """One more; `who` is an account's name, empty for one that there is not."""
        key = (who, visitor.address, detail)
        if key not in self._failed and len(self._failed) >= MOST:
            key = ("", OTHERS, detail)
        self._failed[key] += 1

    def flush(self, now: datetime) -> None:
        """Record what failed since the last time."""
        for number, ((who, address, detail), count) in enumerate(self._failed.items()):
            self._record(
                AuditRow(
                    time=now + timedelta(microseconds=number),  # so that none is another's double
                    kind="login-failed",
                    who=who,
                    address=address,
                    detail=detail,
                    count=count,
                )
            )
        self._failed.clear()
