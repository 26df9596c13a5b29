"""Gathers what is found wrong with the labels of one container, bounded and in a fixed order."""

from __future__ import annotations

from labels.model import Issue, Severity

MOST_ISSUES = 100
_KEY, _VALUE, _SUGGESTION = 160, 80, 300
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


def shown(text: str, most: int) -> str:
    """Text that can be shown and encoded: without control characters and surrogates, shortened."""
    cut = text[:most]
    if not cut.isprintable():
        cut = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)
    return cut + "…" if len(text) > most else cut


def quoted(text: str) -> str:
    """A short piece of a value, for the middle of a message."""
    return f"`{shown(text, 40)}`"


class Findings:
    """The issues of one container. The same one is kept once."""

    def __init__(self, host: str, container: str) -> None:
        self._host = host
        self._container = container
        self._issues: set[Issue] = set()

    def add(
        self,
        code: str,
        severity: Severity,
        message: str,
        action: str,
        *,
        key: str = "",
        value: str = "",
        suggestion: str | None = None,
        domain: str = "",
    ) -> None:
        """One more, made safe to show."""
        self._issues.add(
            Issue(
                code=code,
                severity=severity,
                message=message,
                action=action,
                host=self._host,
                container=self._container,
                key=shown(key, _KEY),
                value=shown(value, _VALUE),
                suggestion=None if suggestion is None else shown(suggestion, _SUGGESTION),
                domain=domain,
            )
        )

    def told(self) -> tuple[Issue, ...]:
        """All by key, or the worst of them and a word on how many there are."""
        issues = sorted(self._issues, key=_by_key)
        if len(issues) <= MOST_ISSUES:
            return tuple(issues)
        worst = sorted(issues, key=lambda issue: _ORDER[issue.severity])[: MOST_ISSUES - 1]
        dropped = Issue(
            code="too-many-issues",
            severity="warning",
            message=f"{len(issues)} things are wrong with these labels.",
            action=f"The worst {MOST_ISSUES - 1} are listed.",
            host=self._host,
            container=self._container,
        )
        return (*sorted(worst, key=_by_key), dropped)


def _by_key(issue: Issue) -> tuple[str, ...]:
    told = (issue.severity, issue.message, issue.action, issue.value, issue.suggestion or "")
    return (issue.key, issue.domain, issue.code, *told)
