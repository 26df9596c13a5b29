"""`fleet completion`: the shell's completion script."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    epilog="""\b
Examples:
  bash   fleet completion bash > ~/.local/share/bash-completion/completions/fleet
  zsh    fleet completion zsh > "${fpath[1]}/_fleet"
  fish   fleet completion fish > ~/.config/fish/completions/fleet.fish

Host names are completed from hosts.toml, containers from the running fleet.""",
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script for a shell, to be put where the shell looks for it."""
    from click.shell_completion import get_completion_class

    from fleet.cli.output import write
    from fleet.cli.root import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(f"{shell} has no completion", param_hint="SHELL")
    write(kind(cli, {}, "fleet", "_FLEET_COMPLETE").source())
