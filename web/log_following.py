"""What a reader of several containers' lines follows, by what it asks for."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from storage.queries_logs import LogPlace
from web.finding import check_host_filter
from web.history import History, LogFilter
from web.live.filters import LiveFilter, subject_test
from web.live.handlers import require_live
from web.log_choice import Matching
from web.log_follower import Following
from web.log_source import LogSource
from web.problems import Problem
from web.selection import parse_labels
from web.sources import Sources


def following_matching(
    source: Sources,
    meant: LiveFilter,
    lines: LogFilter,
    *,
    since: datetime,
    tail: int,
    after: LogPlace | None,
) -> Following:
    """The containers that are meant, and which of their lines.

    Raises:
        Problem: There is no such host, too many match, or no ledgers are kept.
    """
    check_host_filter(source.model, meant.host)
    named = tuple(one.removeprefix("/") for one in meant.container)
    ledger = require_live(source.live).ledger("containers")
    wanted = replace(lines, hosts=meant.host, containers=named, labels=parse_labels(meant.label))
    return Following(
        choice=Matching(ledger, subject_test(replace(meant, container=named))),
        wanted=wanted,
        since=since,
        tail=tail,
        after=after,
    )


def require_logs(source: Sources) -> tuple[LogSource, History]:
    """Where lines come in, and where they are stored.

    Raises:
        Problem: No logs are collected here (503).
    """
    if source.logs is None or source.history is None:
        raise Problem("history-unavailable", "No logs are collected: there is nothing to follow.")
    return source.logs, source.history
