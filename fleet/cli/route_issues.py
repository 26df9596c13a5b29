"""How issues of labels and routes look: never cut, for a suggestion that is cut is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from fleet.cli.output import is_terminal, width
from fleet.cli.table import Cell, Tone, cell
from labels.model import Issue
from web.route_documents import RouteIssueDocument

SEVERITY_TONES: dict[str, Tone] = {"error": "bad", "warning": "warn", "info": "dim"}
_INDENT = " " * 9


def issue_lines(issues: Iterable[Issue | RouteIssueDocument]) -> Iterator[Cell]:
    """A line that says who and where, and below it what, what was meant, and what was done."""
    for issue in issues:
        who = "/".join(filter(None, (issue.host, issue.container))) or issue.domain
        label = f"{issue.key}={issue.value}" if issue.key and issue.value else issue.key
        where = "  ".join(filter(None, (who, label, f"[{issue.code}]")))
        yield cell(f"{issue.severity:<7}  {where}", SEVERITY_TONES.get(issue.severity, ""))
        meant = f"Did you mean {issue.suggestion}?" if issue.suggestion else ""
        yield from indented(" ".join(filter(None, (issue.message, meant, issue.action))))


def indented(text: str, indent: str = _INDENT, tone: Tone = "", hang: int = 0) -> Iterator[Cell]:
    """A text behind an indentation; on a terminal it is wrapped, further lines `hang` deeper."""
    if not is_terminal():
        yield cell(indent + text, tone)
        return
    lines = wrap(
        text,
        max(40, width()),
        initial_indent=indent,
        subsequent_indent=indent + " " * hang,
        break_long_words=False,  # what may be pasted stays in one piece
        break_on_hyphens=False,
    )
    yield from (cell(line, tone) for line in lines)
