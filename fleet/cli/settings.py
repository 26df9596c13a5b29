"""The configuration as commands use it: found, loaded, or explained."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.cli.errors import CommandError, unknown_host

if TYPE_CHECKING:
    from config.models import Config, Fleet, Host
    from config.problems import ConfigError

_LISTEN = re.compile(r"""^\s*listen\s*=\s*["'](.+:\d+)["']""", re.MULTILINE)
_CERTIFICATE = re.compile(r"""^\s*tls_cert_file\s*=\s*["'](.+)["']""", re.MULTILINE)
WILDCARDS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - compared only

FROM_ELSEWHERE = (
    "In a browser elsewhere put this machine's name there; [access] public_url sets it."
)


@dataclass(frozen=True)
class Settings:
    """What most commands can be told.

    Attributes:
        config: `--config`.
        url: `--url` or FLEET_URL: the running fleet, instead of what the configuration says.
        token: FLEET_TOKEN.
        direct: `--direct`: ask the hosts even if a fleet is running.
        ca: `--ca` or FLEET_CA: whom to trust for its certificate, instead of the system's.
    """

    config: Path | None = None
    url: str = ""
    token: str = field(default="", repr=False)
    direct: bool = False
    ca: Path | None = None


def load_config(explicit: Path | None, *, check_files: bool = True) -> Config:
    """Load the configuration that is found, or the one of a machine without a file.

    Raises:
        CommandError: It has mistakes: all of them.
    """
    from config.load import load
    from config.locate import find
    from config.problems import ConfigError

    try:
        path = find(explicit, os.environ)
        return without_any_file() if path is None else load(path, check_files=check_files)
    except ConfigError as error:
        raise config_failure(error) from error


def without_any_file() -> Config:
    """The configuration of a machine that has no hosts.toml: the Engine that docker would use.

    Raises:
        CommandError: DOCKER_HOST or the current docker context cannot be used.
    """
    from config.load import without_file
    from connectors.contexts import ContextError, find_local_engine

    try:
        host = find_local_engine()
    except ContextError as error:
        raise CommandError(str(error), "correct it, or write a hosts.toml") from error
    return without_file({host.name: host})


def token_of(config: Config) -> str:
    """The token that readers of this configuration's fleet must present; empty for none."""
    from config.secrets import SecretError, read_secret

    named = os.environ.get("FLEET_TOKEN", "")
    if named:
        return named
    try:
        return read_secret(config.fleet.token_file, config.fleet.token_env, os.environ) or ""
    except SecretError:
        return ""  # whoever may not read it is told so by the API


def config_failure(error: ConfigError) -> CommandError:
    """The error of a command that needs the configuration."""
    return CommandError(str(error), "correct the file, then run `fleet check`")


def base_url(listen: str, *, tls: bool = False) -> str:
    """Where a fleet that listens there is reached from this machine."""
    host, _, port = listen.rpartition(":")
    return f"http{'s' if tls else ''}://{WILDCARDS.get(host, host)}:{port}"


def is_everywhere(listen: str) -> bool:
    """Whether who listens there is reached by any address of this machine, so `base_url` chose."""
    return listen.rpartition(":")[0] in WILDCARDS


def url_of(fleet: Fleet) -> str:
    """Where a fleet of this configuration is reached from this machine."""
    return base_url(fleet.listen, tls=fleet.tls_cert_file is not None)


def fleet_of_broken(explicit: Path | None) -> Fleet:
    """Where a fleet would listen by a file that has mistakes, and with which certificate.

    What cannot be read of it is as by default.
    """
    from config.locate import find
    from config.models import Fleet
    from config.problems import ConfigError

    default = Fleet(data_dir=Path())
    try:
        path = find(explicit, os.environ)
        text = path.read_text(errors="replace") if path else ""
    except (ConfigError, OSError):
        return default
    listen, certificate = _LISTEN.search(text), _CERTIFICATE.search(text)
    folder = path.absolute().parent if path else Path()
    return Fleet(
        data_dir=Path(),
        listen=listen[1] if listen else default.listen,
        tls_cert_file=folder / Path(certificate[1]).expanduser() if certificate else None,
    )


def pick_host(config: Config, name: str) -> Host:
    """One configured host.

    Raises:
        CommandError: There is none of this name.
    """
    if name not in config.hosts:
        raise unknown_host(name, config.hosts)
    return config.hosts[name]


def pick_names(known: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """The names in `known` that are wanted, all if none is named.

    Raises:
        CommandError: One of them is not known.
    """
    names, chosen = list(known), set(wanted)
    for name in chosen:
        if name not in names:
            raise unknown_host(name, names)
    return [name for name in names if not chosen or name in chosen]
