"""What a renderer could not say of one route."""

from __future__ import annotations

from labels.model import Issue, Route, Severity


class Notes:
    """Issues of one route in one format; their codes begin with the name of the format."""

    def __init__(self, form: str, route: Route) -> None:
        self._form = form
        self._domain = route.domain
        self._found: list[Issue] = []

    def add(self, word: str, severity: Severity, message: str, action: str) -> None:
        """Note an issue with the code `FORM-WORD`."""
        issue = Issue(
            code=f"{self._form}-{word}",
            severity=severity,
            message=message,
            action=action,
            domain=self._domain,
        )
        self._found.append(issue)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """All that was noted, in that order."""
        return tuple(self._found)
