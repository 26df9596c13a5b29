"""What `fleet user` and `fleet token` ask or say before somebody is shut out by mistake."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from config.models import Host
from fleet.cli.errors import CommandError, unknown_label
from fleet.cli.output import note
from web.access.model import Access
from web.selection import parse_labels


def agreed(question: str) -> bool:
    """Whether whoever is at the terminal says yes.

    Raises:
        CommandError: There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise CommandError(f"there is nobody to ask: {question}", "use --yes if that is meant")
    if click.confirm(question, err=True):
        return True
    note("fleet: nothing was changed")
    return False


def warn_unseen(hosts: Mapping[str, Host], labels: Sequence[str]) -> None:
    """Say so where no configured host has these labels: whoever is bound to them sees nothing."""
    if not labels or any(_sees(labels, host) for host in hosts.values()):
        return
    missing = [one for one in labels if not any(_sees([one], host) for host in hosts.values())]
    which = " or ".join(missing) if missing else f"all of {', '.join(labels)}"
    known = unknown_label(labels, [host.labels for host in hosts.values()])
    note(
        f"fleet: no host that is configured has {which}: nothing is seen with it until one does\n"
        f"  next: {known.hint}"
    )


def _sees(labels: Sequence[str], host: Host) -> bool:
    return Access(kind="token", scope=parse_labels(labels)).sees(host.labels)
