"""What a renderer could not say of one route."""

from __future__ import annotations

from typing import Final

from labels.model import Issue, Member, Route, Severity

_UNGUARDED: Final = (
    "They may guard it, so it answers 503. The option `skip_middlewares` has it served without."
)


class Notes:
    """Issues of one route in one format; their codes begin with the name of the format."""

    def __init__(self, form: str, route: Route) -> None:
        self._form = form
        self._domain = route.domain
        self._found: list[Issue] = []

    def add(
        self,
        word: str,
        severity: Severity,
        message: str,
        action: str,
        member: Member | None = None,
    ) -> None:
        """Note an issue with the code `FORM-WORD`, about the whole route or one member."""
        issue = Issue(
            code=f"{self._form}-{word}",
            severity=severity,
            message=message,
            action=action,
            host=member.host if member else "",
            container=member.name.partition("/")[2] if member and member.host else "",
            domain=self._domain,
        )
        self._found.append(issue)

    def middlewares(self, route: Route, proxy: str, *, skip: bool) -> bool:
        """Note those of a route where `proxy` has none; whether the route is served without."""
        names = route.settings.middlewares
        if not names:
            return True
        message = f"{proxy} has no middlewares by name: {', '.join(names)[:200]}."
        if skip:
            self.add("middlewares", "warning", message, "They are left out.")
        else:
            self.add("middlewares", "error", message, _UNGUARDED)
        return skip

    @property
    def issues(self) -> tuple[Issue, ...]:
        """All that was noted, in that order."""
        return tuple(self._found)
