"""`fleet env`: the address that any Docker tool reaches a host by."""

from __future__ import annotations

from pathlib import Path

import click

from fleet.cli.options import complete_host, config_option, json_option


@click.command(
    "env",
    epilog="""\b
Examples:
  docker -H "$(fleet env db-1)" ps
  eval "$(fleet env --shell db-1)"; docker ps; docker compose up -d
  eval "$(fleet env --shell --unset)"

For hosts behind SSH or TLS the address is a socket that the running fleet offers to this user.
Without a running fleet, `fleet docker HOST ...` opens its own connection.""",
)
@click.argument("host", required=False, shell_complete=complete_host)
@click.option("--shell", is_flag=True, help="Print `export DOCKER_HOST=...` for eval.")
@click.option("--unset", is_flag=True, help="With --shell: print how to undo it.")
@json_option
@config_option
def command(config: Path | None, host: str | None, shell: bool, unset: bool, as_json: bool) -> None:
    """Print the address that any Docker tool reaches a host by, for `docker -H`."""
    from fleet.cli.docker_address import CLEARED, offered
    from fleet.cli.output import write, write_json
    from fleet.cli.settings import load_config, pick_host

    if unset and shell:
        write(f"unset DOCKER_HOST {' '.join(CLEARED)}")
        return
    if host is None:
        raise click.UsageError("Missing argument 'HOST'.")
    loaded = load_config(config)
    address = offered(loaded, pick_host(loaded, host))
    if as_json:
        write_json({"host": host, "docker_host": address})
    elif shell:
        import shlex

        write(f"export DOCKER_HOST={shlex.quote(address)}")
        write(f"unset {' '.join(CLEARED)}")
    else:
        write(address)
