"""`fleet history`: what a container or a host's machine used over a span, and when it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.errors import CommandError
from fleet.cli.options import fleet_options, json_option
from fleet.cli.periods import Period, period_options
from fleet.cli.settings import Settings

if TYPE_CHECKING:
    from fleet.cli.figures import What
    from web.history_documents import Resolution

RESOLUTIONS: tuple[Resolution, ...] = ("raw", "1m", "1h", "1d")
POINTS = 300
DEFAULT = Period("24h")


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Hosts, and `HOST/NAME` of the running fleet's containers."""
    from fleet.cli.completing import containers
    from fleet.cli.options import complete_host

    hosts = [] if "/" in incomplete else complete_host(ctx, _param, incomplete)
    return hosts + containers(ctx.params.get("config") or None, incomplete)


def _whats(
    _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> tuple[What, ...]:
    """`cpu,memory` as well as `--what cpu --what memory`."""
    from fleet.cli.figures import WHATS

    words = [word for text in texts for word in text.split(",")]
    if wrong := [word for word in words if word not in WHATS]:
        raise click.BadParameter(f"{wrong[0]!r} is none of {', '.join(WHATS)}")
    return tuple(what for what in WHATS if what in words)


@click.command(
    "history",
    epilog="""\b
Examples:
  fleet history db-1/postgres                    the last 24 hours
  fleet history db-1                             the machine of a host
  fleet history web --last 7d --what cpu,memory  the name is enough where only one host has it
  fleet history web --since 2026-01-30T08:00 --until 2026-01-30T09:00 --resolution raw
  fleet history web --last 30d --csv > web.csv

\b
Bars are averages, the shade above them the most there was, a dot (·) no samples. Removed
containers and earlier ones of the same name are part of it for as long as history is kept.
With --csv and --json times are UTC, sizes bytes, CPU percent of one core.""",
)
@click.argument("subject", metavar="[HOST/]NAME|HOST", shell_complete=_complete)
@period_options
@click.option(
    "--points",
    type=click.IntRange(1, 10_000),
    help=f"Steps at most. [default: as wide as the chart; {POINTS} with --json and --csv]",
)
@click.option(
    "--resolution",
    type=click.Choice(RESOLUTIONS),
    help="Read samples, or what they were rolled up into. [default: what the span is for]",
)
@click.option(
    "--what",
    "whats",
    multiple=True,
    callback=_whats,
    metavar="WHAT,...",
    help="Draw only cpu, memory, network, block; of a host also load, disk.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Write every step as CSV, for spreadsheets.")
@json_option
@fleet_options
def command(
    settings: Settings,
    subject: str,
    period: Period,
    points: int | None,
    resolution: Resolution | None,
    whats: tuple[What, ...],
    as_csv: bool,
    as_json: bool,
) -> None:
    """Draw what a container or a host's machine used, and tell when a container ran.

    The last 24 hours, unless a span is given.
    """
    from fleet.cli.history_screen import chart_columns, show
    from fleet.cli.history_sources import read, write_csv
    from fleet.cli.output import write_json
    from fleet.cli.past import need_running
    from fleet.cli.view import Source

    if not all(subject.split("/", 1)):
        raise click.UsageError("write a container as HOST/NAME or NAME, or a host as HOST")
    if as_csv and as_json:
        raise click.UsageError("choose one of --csv and --json")
    api = need_running(Source(settings), "only a running fleet has history")
    query = (period or DEFAULT).query()
    query["points"] = str(points or (POINTS if as_csv or as_json else chart_columns()))
    if resolution is not None:
        query["resolution"] = resolution
    past = read(api, subject, query)
    if as_json:
        write_json(past)
    elif as_csv:
        write_csv(past.stats)
    else:
        show(past, whats)
    if not past.stats.points:
        raise CommandError(
            f"nothing is stored of {subject} in that time",
            "a longer --last, or `fleet status` to see whether storage writes",
        )
