"""Spans of the past as options: `--last`, or `--since` and `--until`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

import click

from fleet.cli.times import Point

F = TypeVar("F", bound=Callable[..., Any])

_LENGTH = re.compile(r"[1-9][0-9]{0,8}[smhdw]")


@dataclass(frozen=True)
class Period:
    """What was asked for; nothing at all leaves it to the command.

    Attributes:
        last: A length such as `24h`, up to now, or an empty string.
        since: Where it starts.
        until: Where it ends; now if None.
    """

    last: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        """Whether any of it was asked for."""
        return bool(self.last or self.since or self.until)

    def query(self) -> dict[str, str]:
        """As the API takes it."""
        if self.last:
            return {"last": self.last}
        times = {"start": self.since, "end": self.until}
        return {name: time.isoformat() for name, time in times.items() if time is not None}


class Length(click.ParamType[str]):
    """How long, as an option's value: checked, and left as it was written."""

    name = "length"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Check it, or fail with what would be right."""
        text = str(value)
        if text != "now" and not _LENGTH.fullmatch(text):
            self.fail(f"{text!r} is no length of time; write 15m, 2h, 7d or 2w", param, ctx)
        return "" if text == "now" else text


def check_order(since: datetime | None, until: datetime | None) -> None:
    """Refuse a span that ends before it starts; without `until` it ends now."""
    if since and until and since >= until:
        raise click.UsageError("--since is not before --until")
    if since and not until and since >= datetime.now(UTC):
        raise click.UsageError("--since is in the future")


def period_options(function: F) -> F:
    """Add `--last`, `--since` and `--until`; the command gets them as `period`."""

    @wraps(function)
    def command(
        *arguments: Any,
        last: str | None,
        since: datetime | None,
        until: datetime | None,
        **rest: Any,
    ) -> Any:
        if last and (since or until):
            raise click.UsageError("--last goes up to now: not together with --since or --until")
        check_order(since, until)
        return function(*arguments, period=Period(last or "", since, until), **rest)

    wrapped: Any = click.option("--until", type=Point(), metavar="TIME", help="Until then.")(
        command
    )
    wrapped = click.option(
        "--since", type=Point(), metavar="TIME", help="From then on: 2h, 2026-01-31T12:00Z."
    )(wrapped)
    result: F = click.option(
        "--last", type=Length(), metavar="LENGTH", help="Up to now: 15m, 2h, 7d, 2w."
    )(wrapped)
    return result
