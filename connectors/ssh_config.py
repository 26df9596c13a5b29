"""What `~/.ssh/config` says about a host, where our own configuration is silent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asyncssh.config import SSHClientConfig, SSHConfig

from connectors.local_user import local_user
from connectors.ssh_known_hosts import GLOBAL_FILE

SYSTEM_FILE = Path("/etc/ssh/ssh_config")


@dataclass(frozen=True)
class SshSettings:
    """OpenSSH's settings for one host, resolved.

    Attributes:
        files: The configuration files that were read.
        identity_files: Those that exist and are files: reading a pipe would wait for ever.
        agent: Path of the agent's socket, or None.
        jump: ProxyJump's value: [user@]host[:port][,next].
        chooses_ciphers: The files have a say on ciphers, which must stand.
    """

    files: tuple[str, ...]
    address: str
    port: int
    username: str
    identity_files: tuple[str, ...]
    agent: str | None
    jump: str | None
    known_hosts_files: tuple[Path, ...]
    key_alias: str | None
    chooses_ciphers: bool


def read_settings(
    address: str,
    port: int | None,
    username: str | None,
    config_file: Path | None,
    environ: Mapping[str, str],
) -> SshSettings:
    """Read the user's and the system's SSH configuration for a host. Blocks.

    Raises:
        Exception: a file cannot be read or is malformed. asyncssh.ConfigParseError names file and
            line; its parser fails in other ways too (an `=` alone, a file that includes itself).
    """
    home = environ.get("HOME", "~")
    user_file = config_file or Path(home, ".ssh", "config").expanduser()
    files = [str(user_file)] if config_file or os.access(user_file, os.R_OK) else []
    if os.access(SYSTEM_FILE, os.R_OK):
        files.append(str(SYSTEM_FILE))
    own_user = local_user()
    found = SSHClientConfig.load(
        None, files, False, False, False, own_user, username or (), address, port or ()
    )
    return SshSettings(
        files=tuple(files),
        address=str(found.get("Hostname", address)),
        port=port or _number(found.get("Port")),
        username=username or str(found.get("User", own_user)),
        identity_files=tuple(f for f in _paths(found, "IdentityFile") if _is_file(f)),
        agent=_agent(found, environ),
        jump=_text(found.get("ProxyJump")),
        known_hosts_files=_known_hosts_files(found, home),
        key_alias=_text(found.get("HostKeyAlias")),
        chooses_ciphers=found.get("Ciphers") is not None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 22


def _paths(found: SSHConfig, option: str) -> list[str]:
    value = found.get(option)
    values = value if isinstance(value, list) else []
    return [str(Path(str(path)).expanduser()) for path in values]


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - Path's raises where we may not look


def _known_hosts_files(found: SSHConfig, home: str) -> tuple[Path, ...]:
    user = [Path(path) for path in _paths(found, "UserKnownHostsFile")]
    if found.get("UserKnownHostsFile") is None:
        ssh = Path(home, ".ssh").expanduser()
        user = [ssh / "known_hosts", ssh / "known_hosts2"]
    system = [Path(path) for path in _paths(found, "GlobalKnownHostsFile")]
    return (*user, *(system or [GLOBAL_FILE]))


def _agent(found: SSHConfig, environ: Mapping[str, str]) -> str | None:
    """Return the agent's socket as ssh_config(5) says: a path, a variable's name, or none."""
    missing = object()
    value = found.get("IdentityAgent", missing)
    if value is missing or value == "SSH_AUTH_SOCK":
        return environ.get("SSH_AUTH_SOCK") or None
    text = _text(value)
    if text and text.startswith("$"):
        return environ.get(text.strip("${}")) or None
    return str(Path(text).expanduser()) if text else None
