"""`fleet ps`: containers of all hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.errors import FAILED, OK
from fleet.cli.options import container_options, json_option, source_options
from fleet.cli.settings import Settings

if TYPE_CHECKING:
    from fleet.cli.table import Table
    from web.documents import ContainerDocument


@click.command(
    "ps",
    epilog="""\b
Examples:
  fleet ps                         running containers of all hosts
  fleet ps -a --host db-1          all containers of one host
  fleet ps --health unhealthy      what is unhealthy
  fleet ps --state looping         what ends again and again
  fleet ps --label com.docker.compose.project=shop
  fleet ps --json | jq -r '.containers[].name'

\b
Exit code 1: a host could not be asked, so the list is not complete.""",
)
@click.option("--all", "-a", "every", is_flag=True, help="Stopped containers too.")
@container_options
@json_option
@source_options
def command(
    settings: Settings,
    every: bool,
    hosts: tuple[str, ...],
    states: tuple[str, ...],
    healths: tuple[str, ...],
    labels: tuple[str, ...],
    name: str,
    as_json: bool,
) -> int:
    """List containers: the running ones, unless --all, --state or --health asks for others."""
    from fleet.cli.containers import Filters, look, tell_unreachable
    from fleet.cli.output import write_json
    from fleet.cli.table import write_table
    from fleet.cli.view import Source

    if not (every or states or healths):
        states = ("running", "paused", "restarting")
    filters = Filters(hosts=hosts, states=states, healths=healths, labels=labels, name=name)
    view, found = look(Source(settings), filters, samples=False)
    if as_json:
        write_json(found)
    else:
        write_table(containers_table(found.containers))
    return FAILED if tell_unreachable(view.hosts) else OK


def containers_table(containers: list[ContainerDocument]) -> Table:
    """One row a container."""
    from fleet.cli.format import ago
    from fleet.cli.table import Cell, Column, Table, Tone, cell

    tones: dict[str, Tone] = {"running": "good", "healthy": "good", "unhealthy": "bad"}
    columns = (
        Column("HOST", least=8),
        Column("NAME", least=16),
        Column("ID", rank=5),
        Column("IMAGE", rank=2, least=12),
        Column("STATE"),
        Column("HEALTH", rank=1),
        Column("SINCE", rank=3, right=True),
        Column("RESTARTS", rank=6, right=True),
        Column("PORTS", rank=4, least=12),
    )

    def row(container: ContainerDocument) -> list[Cell]:
        stale: Tone = "dim" if container.stale_since else ""
        running = container.state in ("running", "paused", "restarting")
        since = container.started if running else container.finished or container.created
        health = container.health.status if container.health.source == "healthcheck" else None
        if container.health.status == "unhealthy":
            health = "unhealthy"
        return [
            cell(container.host, stale),
            cell(container.name, stale or "strong"),
            cell(container.id[:12], "dim"),
            cell(container.image, stale),
            cell(
                _state(container),
                stale or ("bad" if container.looping else tones.get(container.state, "dim")),
            ),
            cell(health, stale or tones.get(health or "", "warn")),
            cell(ago(since), stale),
            cell(container.restart_count, stale),
            cell(_ports(container), stale),
        ]

    return Table(columns, [row(container) for container in containers])


def _state(container: ContainerDocument) -> str:
    if container.looping:
        code = "" if container.last_exit_code is None else f", exit {container.last_exit_code}"
        return f"looping ({container.ends_lately} ends{code})"
    exited = container.exit_code is not None and container.state not in ("running", "paused")
    killed = ", OOM" if container.oom_killed else ""
    return f"{container.state} ({container.exit_code}{killed})" if exited else container.state


def _ports(container: ContainerDocument) -> str:
    parts = []
    for port in container.ports:
        inside = f"{port.container_port}/{port.protocol}"
        if port.host_port is None:
            parts.append(inside)
        else:
            address = f"{port.host_ip}:" if port.host_ip not in (None, "", "0.0.0.0") else ""  # noqa: S104 - read, not bound
            parts.append(f"{address}{port.host_port}->{inside}")
    return ", ".join(parts)
