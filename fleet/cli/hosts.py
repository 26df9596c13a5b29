"""`fleet hosts`: what is configured; taking over docker contexts; trusting SSH host keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fleet.cli.options import complete_host, config_option, host_options, json_option


@click.group(
    "hosts",
    invoke_without_command=True,
    epilog="""\b
Examples:
  fleet hosts                        what is configured
  fleet hosts --label site=fra
  fleet hosts import                 docker's contexts as hosts.toml
  fleet hosts trust edge-1           look at a host's SSH key and record it""",
)
@host_options
@json_option
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    config: Path | None,
    hosts: tuple[str, ...],
    labels: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the configured hosts, without connecting to them.

    The health of each is in `fleet status`.
    """
    ctx.obj = config
    if ctx.invoked_subcommand is not None:
        return
    from fleet.cli.format import pairs
    from fleet.cli.output import note, write_json
    from fleet.cli.settings import load_config
    from fleet.cli.table import Column, Table, cell, write_table
    from fleet.cli.view import Choice, chosen

    loaded = load_config(config)
    names = chosen(loaded.hosts.values(), Choice(hosts, labels))
    found = [loaded.hosts[name] for name in names]
    if as_json:
        listed = [_document(host) for host in found]
        write_json({"file": loaded.source and str(loaded.source), "hosts": listed})
        return
    columns = (
        Column("HOST", least=12),
        Column("CONNECTION"),
        Column("ADDRESS", least=20),
        Column("ENABLED", rank=1),
        Column("LABELS", rank=2, least=12),
    )
    rows = [
        [
            cell(host.name, "strong"),
            cell(host.__struct_config__.tag),
            cell(host.target),
            cell("yes" if host.enabled else "no", "" if host.enabled else "dim"),
            cell(pairs(host.labels)),
        ]
        for host in found
    ]
    write_table(Table(columns, rows))
    if loaded.source is None:
        note("fleet: no hosts.toml was found; this is the Engine that docker would use")


def _document(host: Any) -> dict[str, object]:
    return {
        "name": host.name,
        "connection": host.__struct_config__.tag,
        "target": host.target,
        "labels": host.labels,
        "enabled": host.enabled,
    }


@command.command(
    "import",
    epilog="""\b
Examples:
  fleet hosts import                          print them, ready for hosts.toml
  fleet hosts import --write                  append them to the hosts.toml in use
  fleet hosts import staging --write          only this context
  fleet hosts import >> hosts.toml

A host whose name or address is configured already is left out. --write checks the whole new file
before it replaces the old one.""",
)
@click.argument("contexts", nargs=-1, metavar="[CONTEXT]...")
@click.option("--write", "do_write", is_flag=True, help="Append to hosts.toml, or create it.")
@json_option
@config_option
@click.pass_obj
def import_command(
    outer: Path | None,
    contexts: tuple[str, ...],
    do_write: bool,
    as_json: bool,
    config: Path | None,
) -> int:
    """Take over the hosts that `docker context ls` shows."""
    from fleet.cli.hosts_import import import_contexts

    return import_contexts(config or outer, contexts, do_write=do_write, as_json=as_json)


@command.command(
    "trust",
    epilog="""\b
Examples:
  fleet hosts trust edge-1          shows the fingerprints, then asks
  fleet hosts trust edge-1 --yes    records them unasked: only on a network that you trust
  fleet hosts trust edge-1 --force  replaces a key on record, after a reinstallation

Compare the fingerprint on the host itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub""",
)
@click.argument("host", shell_complete=complete_host)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Replace other keys that are on record.")
@json_option
@config_option
@click.pass_obj
def trust_command(
    outer: Path | None, host: str, yes: bool, force: bool, as_json: bool, config: Path | None
) -> int:
    """Show an SSH host's keys, and put them on record where fleet will look for them."""
    from fleet.cli.hosts_trust import trust

    return trust(config or outer, host, yes=yes, force=force, as_json=as_json)
