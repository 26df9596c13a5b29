"""Shows an SSH host's keys to a person and puts them on record."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import msgspec

from config.models import SshHost
from connectors.ssh_config import SshSettings, read_settings
from connectors.trust import HostKey, TrustError, fetch_host_keys, known_keys, record
from fleet.cli.errors import FAILED, OK, CommandError
from fleet.cli.output import note, write, write_json
from fleet.cli.settings import load_config, pick_host


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """One key in the document of `fleet hosts trust --json`."""

    kind: str
    fingerprint: str
    outcome: str  # added, known, replaced, or seen when nothing was recorded


def trust(config: Path | None, name: str, *, yes: bool, force: bool, as_json: bool) -> int:
    """Fetch, show, ask, record.

    Raises:
        CommandError: The host has no keys to trust, or they cannot be fetched or recorded.
    """
    host = pick_host(load_config(config, check_files=False), name)
    if not isinstance(host, SshHost):
        raise CommandError(f"{name} is not reached by SSH, so it has no host key to trust")
    settings = _settings(host)
    if jump := host.jump or settings.jump:
        raise CommandError(
            f"{name} is reached through {jump}, and its key cannot be fetched from here",
            f"log in once with `ssh -J {jump} {settings.address}`, which shows and records it",
        )
    file = host.known_hosts_file or settings.known_hosts_files[0]
    alias = settings.key_alias or settings.address
    try:
        keys = fetch_host_keys(settings.address, settings.port, host.monitoring.connect_timeout)
        known = known_keys(file, alias, settings.port)
    except TrustError as error:
        raise CommandError(f"{name}: {error}", f"`fleet doctor {name}` shows more") from error
    if not as_json:
        _show(name, settings, keys, known)
    unknown = [key for key in keys if key not in known]
    agreed = not unknown or yes or _agreed(file)
    outcomes = _record(file, alias, settings.port, keys, force=force) if agreed else {}
    if as_json:
        write_json({"host": name, "file": str(file), "keys": _documents(keys, outcomes)})
    elif unknown and agreed:
        note(f"fleet: recorded in {file}")
        note(f"  next: `fleet doctor {name}`")
    elif agreed:
        note(f"fleet: all of them are on record in {file}")
    else:
        note("fleet: nothing was recorded")
    return OK if agreed else FAILED


def _settings(host: SshHost) -> SshSettings:
    try:
        return read_settings(
            host.address, host.port, host.username, host.ssh_config_file, os.environ
        )
    except (ValueError, OSError) as error:
        raise CommandError(f"{host.name}: the SSH configuration cannot be read: {error}") from error


def _show(name: str, settings: SshSettings, keys: list[HostKey], known: list[HostKey]) -> None:
    write(f"{name} ({settings.address}, port {settings.port}) shows:")
    kinds = {key.kind for key in known}
    for key in keys:
        word = (
            "on record" if key in known else "OTHER than on record" if key.kind in kinds else "new"
        )
        write(f"  {key.kind:<20} {key.fingerprint}  {word}")


def _agreed(file: Path) -> bool:
    if not sys.stdin.isatty():
        raise CommandError(
            "there is nobody to ask whether these are the host's own keys",
            "compare the fingerprints, then use --yes",
        )
    sys.stdout.flush()
    return click.confirm(f"Are these the host's own keys? Record them in {file}", err=True)


def _record(
    file: Path, address: str, port: int, keys: list[HostKey], *, force: bool
) -> dict[HostKey, str]:
    try:
        return {key: record(file, address, port, key, force=force) for key in keys}
    except TrustError as error:
        raise CommandError(str(error)) from error


def _documents(keys: list[HostKey], outcomes: dict[HostKey, str]) -> list[Trusted]:
    return [
        Trusted(kind=key.kind, fingerprint=key.fingerprint, outcome=outcomes.get(key, "seen"))
        for key in keys
    ]
