"""`fleet doctor`: step by step, why a host cannot be reached."""

from __future__ import annotations

from pathlib import Path

import click

from fleet.cli.errors import FAILED, OK
from fleet.cli.options import complete_host, config_option, json_option


@click.command(
    "doctor",
    epilog="""\b
Examples:
  fleet doctor            every enabled host
  fleet doctor edge-1     one host
  fleet doctor --json | jq '.hosts[].steps[] | select(.ok | not)'

For SSH hosts the steps are made with a second SSH implementation, so that a fault of the host can
be told from one of ours. Exit code 1: some step failed.""",
)
@click.argument("hosts", nargs=-1, metavar="[HOST]...", shell_complete=complete_host)
@json_option
@config_option
def command(config: Path | None, hosts: tuple[str, ...], as_json: bool) -> int:
    """Find out why a host cannot be reached: name, port, login, Engine, each step by itself."""
    from fleet.cli.doctor_report import examine_all
    from fleet.cli.settings import load_config, pick_names

    loaded = load_config(config, check_files=False)
    names = pick_names(loaded.hosts, hosts)
    chosen = [loaded.hosts[name] for name in names if hosts or loaded.hosts[name].enabled]
    return OK if examine_all(chosen, as_json=as_json) else FAILED
