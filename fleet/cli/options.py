"""Options that several commands share, and the completion of host names."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from fleet.cli.settings import Settings
from web.expectations import HEALTHS, STATES

F = TypeVar("F", bound=Callable[..., Any])

HOUR = 3600.0


class Seconds(click.FloatRange):
    """A time within a range; `nan`, which is in every range of click's, is refused."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it, or fail with what would be right."""
        seconds: float = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


def complete_host(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Configured host names that begin so; none while the configuration has mistakes."""
    from fleet.cli.errors import CommandError
    from fleet.cli.settings import load_config

    try:
        config = load_config(ctx.params.get("config"), check_files=False)
    except CommandError:
        return []
    return [name for name in config.hosts if name.startswith(incomplete)]


def config_option(function: F) -> F:
    """Add `--config`."""
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="hosts.toml to use. [default: FLEET_CONFIG, ./hosts.toml, the user's, the system's]",
    )(function)


def source_options(function: F) -> F:
    """Add `--config`, `--url` and `--direct`; the command gets them as `settings`."""
    return fleet_options(
        click.option("--direct", is_flag=True, help="Ask the hosts, even if a fleet is running.")(
            function
        )
    )


def fleet_options(function: F) -> F:
    """The same without `--direct`, for what only a running fleet knows."""
    from functools import wraps

    @wraps(function)
    def command(
        *arguments: Any,
        config: Path | None,
        url: str,
        ca: Path | None,
        direct: bool = False,
        **rest: Any,
    ) -> Any:
        settings = Settings(config, url, os.environ.get("FLEET_TOKEN", ""), direct, ca)
        return function(*arguments, settings=settings, **rest)

    wrapped: Any = click.option(
        "--ca",
        envvar="FLEET_CA",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Who signed the running fleet's certificate. [default: FLEET_CA, else the system's]",
    )(command)
    wrapped = click.option(
        "--url",
        envvar="FLEET_URL",
        default="",
        metavar="URL",
        help="The running fleet. [default: FLEET_URL, else `listen` of hosts.toml]",
    )(wrapped)
    result: F = config_option(wrapped)
    return result


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, as the API has it.")(
        function
    )


def host_options(function: F) -> F:
    """Add `--host` and `--label`, for choosing hosts."""
    with_label = click.option(
        "--label",
        "labels",
        multiple=True,
        metavar="KEY[=VALUE]",
        help="Only hosts with this label; repeat it, all must match.",
    )(function)
    return click.option(
        "--host",
        "hosts",
        multiple=True,
        metavar="NAME",
        shell_complete=complete_host,
        help="Only this host; repeat it for several.",
    )(with_label)


def container_options(function: F) -> F:
    """Add `--host`, `--state`, `--health`, `--label` and `--name`, for choosing containers."""
    added: Any = click.option(
        "--name", default="", metavar="TEXT", help="Part of the name, or a pattern with * and ?."
    )(function)
    added = click.option(
        "--label",
        "labels",
        multiple=True,
        metavar="KEY[=VALUE]",
        help="Only containers with this label; repeat it, all must match.",
    )(added)
    added = click.option(
        "--health", "healths", multiple=True, type=click.Choice(HEALTHS), help="Only this health."
    )(added)
    added = click.option(
        "--state", "states", multiple=True, type=click.Choice(STATES), help="Only this state."
    )(added)
    result: F = click.option(
        "--host",
        "hosts",
        multiple=True,
        metavar="NAME",
        shell_complete=complete_host,
        help="Only this host; repeat it for several.",
    )(added)
    return result
