"""What labels say of one route, with the labels of the whole container as the defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from labels.parsing.findings import Findings, quoted
from labels.parsing.grouping import Group, Label
from labels.parsing.keys import BY_NAME, Kind, Rules
from labels.parsing.values import MOST_VALUE, BadValueError, read_boolean

T = TypeVar("T")

CODES: dict[Kind, str] = {
    "port": "bad-port",
    "scheme": "bad-scheme",
    "path": "bad-path",
    "strip": "bad-path",
    "check": "bad-path",
    "boolean": "bad-boolean",
    "resolver": "bad-resolver",
    "policy": "bad-load-balancer",
    "weight": "bad-weight",
    "duration": "bad-duration",
    "status": "bad-status",
    "middlewares": "bad-middleware",
    "headers": "bad-header",
    "header": "bad-header",
    "host": "bad-backend-host",
}


class DroppedError(Exception):
    """A value is wrong without which the routes would reach the wrong place, or unguarded."""


def bounded(value: str) -> str:
    """The value, unless it is too long to be looked at."""
    if len(value) > MOST_VALUE:
        raise BadValueError(f"The value is {len(value)} characters long")
    return value


class Terms:
    """Reads the labels of one port, or of the whole container. What is wrong is told."""

    def __init__(self, own: Group, whole: Group, rules: Rules, findings: Findings) -> None:
        self.own = own
        self.whole = whole
        self._labels = whole | own
        self.rules = rules
        self.findings = findings

    def find(self, name: str) -> Label | None:
        """The label of the port, or else that of the whole container."""
        return self._labels.get(name)

    def read(self, name: str, reader: Callable[[str], T], default: T) -> T:
        """A label's value, or the default where there is none, or a bad one.

        Raises:
            DroppedError: It is bad, and the default would be dangerous.
        """
        label = self._labels.get(name)
        if label is None:
            return default
        try:
            return reader(bounded(label.value))
        except BadValueError as error:
            self.tell(name, label, error)
            if BY_NAME[name].if_bad == "drop":
                raise DroppedError from None
            return default

    def tell(self, name: str, label: Label, error: BadValueError) -> None:
        """Tell of a bad value, and of what is done as its table says."""
        known = BY_NAME[name]
        default = known.default
        if name in {"https", "redirect-https"}:
            default = str(getattr(self.rules, name.replace("-", "_"))).lower()
        done = {
            "drop": "The route is dropped.",
            "leave out": "It is left out.",
            "default": f"The default {default} is used."
            if default
            else "It is as without this label.",
        }
        self.findings.add(
            CODES[known.kind],
            "error" if known.if_bad == "drop" else "warning",
            f"{error.reason}. Allowed: {known.values}.",
            done[known.if_bad],
            key=label.key,
            value=label.value,
            suggestion=error.suggestion,
        )

    def warn(
        self, code: str, message: str, action: str, label: Label, meant: str | None = None
    ) -> None:
        """Tell of a label that is taken otherwise than it says."""
        self.findings.add(
            code, "warning", message, action, key=label.key, value=label.value, suggestion=meant
        )

    def boolean(self, name: str, default: bool) -> bool:
        """A label that is true or false."""
        return self.read(name, read_boolean, default)

    def path(self, name: str, read: tuple[str, bool] | None) -> str | None:
        """What the reader of paths made of a label; tells if it had to be put right."""
        if read is None:
            return None
        path, corrected = read
        label = self.find(name)
        if corrected and label:
            message = "A path begins with / and ends without / and *."
            self.warn("path-corrected", message, f"{quoted(path)} is used.", label, path)
        return path
