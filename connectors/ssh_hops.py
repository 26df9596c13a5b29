"""From a configured host to the SSH connections that lead to it, each checked by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from config.models import SshHost
from config.reading import read_regular
from connectors.errors import AuthenticationError, EngineError, UnreachableError
from connectors.secrets import host_secret
from connectors.ssh_config import SshSettings, read_settings
from connectors.ssh_known_hosts import GLOBAL_FILE, KnownHosts

# In front of asyncssh's own order: measured 14 to 26% less of our CPU per request than its first
# choice, chacha20-poly1305, on a processor that knows AES.
_CHEAP_CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
_MOST_BYTES = 256 * 1024  # of a key file
_MOST_HOPS = 8  # jump hosts may name further ones in ~/.ssh/config, in a circle even


@dataclass(frozen=True)
class Hop:
    """One SSH connection to make: the arguments for asyncssh and what to say of it.

    Attributes:
        key_files: What the keys were, or will be, read from.
        locked_key: A configured key that stays closed for want of a passphrase, so that only an
            agent can offer it.
    """

    address: str
    port: int
    username: str
    known: KnownHosts
    arguments: dict[str, Any] = field(repr=False)  # holds the password
    key_files: tuple[Path, ...] = ()
    locked_key: Path | None = None
    is_jump: bool = False

    @property
    def place(self) -> str:
        """Where it is, for people."""
        role = "the jump host " if self.is_jump else ""
        return f"{role}{self.username}@{self.address}:{self.port}"


def plan_hops(host: SshHost, environ: Mapping[str, str]) -> list[Hop]:
    """Return the connections to make, the host's own last. Blocks: reads keys and files.

    Values of our configuration win over those of `~/.ssh/config`. Jump hosts get the same keys but
    never the password, which is meant for the host itself.

    Raises:
        AuthenticationError: a key or secret cannot be used.
        EngineError: the SSH configuration is malformed, or jumps in a circle.
    """
    settings = host_settings(host, environ)
    keys = _Keys(host, environ)
    hops = [_hop(host, settings, keys, _password(host, environ), is_jump=False)]
    jumps = _split(host.jump or settings.jump)
    while jumps:
        if len(hops) > _MOST_HOPS:
            raise UnreachableError(host.name, f"more than {_MOST_HOPS} jump hosts", "see ProxyJump")
        *jumps, (username, address, port) = jumps
        via = _settings(host, address, port, username, environ)
        hops.insert(0, _hop(host, via, keys, None, is_jump=True))
        if not jumps:  # only the outermost hop is dialled from here, and may need a jump itself
            jumps = _split(via.jump)
    return hops


def host_settings(host: SshHost, environ: Mapping[str, str]) -> SshSettings:
    """Return OpenSSH's settings for the host itself.

    Raises:
        EngineError: the SSH configuration is malformed.
    """
    return _settings(host, host.address, host.port, host.username, environ)


def _settings(
    host: SshHost, address: str, port: int | None, username: str | None, environ: Mapping[str, str]
) -> SshSettings:
    try:
        return read_settings(address, port, username, host.ssh_config_file, environ)
    except Exception as error:  # see there
        said = str(error) or type(error).__name__
        hint = "correct ~/.ssh/config, or name another file as `ssh_config_file`"
        raise EngineError(
            host.name, f"the SSH configuration cannot be used: {said}", hint
        ) from error


def _split(jump: str | None) -> list[tuple[str | None, str, int | None]]:
    """Split `user@host:port,...` (ssh_config(5), ProxyJump; IPv6 in brackets)."""
    hops: list[tuple[str | None, str, int | None]] = []
    for part in (jump or "").split(","):
        place = part.strip().removeprefix("ssh://")
        if not place:
            continue
        username, _, rest = place.rpartition("@")
        address, colon, port = rest.rpartition(":")
        if not colon or not port.isdigit() or (":" in address and not address.endswith("]")):
            address, port = rest, ""
        hops.append((username or None, address.strip("[]"), int(port) if port else None))
    return hops


def _password(host: SshHost, environ: Mapping[str, str]) -> str | None:
    return host_secret(host.name, host.password_file, host.password_env, environ)


class _Keys:
    """The configured key, read once for all hops."""

    def __init__(self, host: SshHost, environ: Mapping[str, str]) -> None:
        self.locked: Path | None = None
        self.own: list[Any] = []
        self.passphrase = host_secret(
            host.name, host.key_password_file, host.key_password_env, environ
        )
        if host.key_file is not None:
            self._read(host, host.key_file)

    def _read(self, host: SshHost, file: Path) -> None:
        try:
            data = read_regular(file, _MOST_BYTES)
        except OSError as error:
            what = f"the key {file} cannot be read: {error.strerror}"
            raise AuthenticationError(host.name, what, "check `key_file`") from error
        try:
            key = asyncssh.import_private_key(data, self.passphrase)
        except asyncssh.KeyEncryptionError as error:
            what = f"the passphrase for the key {file} is wrong"
            hint = "check `key_password_file` or `key_password_env`"
            raise AuthenticationError(host.name, what, hint) from error
        except asyncssh.KeyImportError as error:
            if not str(error).startswith("Passphrase"):
                raise _no_key(host, file, str(error)) from error
            self.locked = file
            return
        except Exception as error:  # whatever a damaged file does to the parsers beneath
            raise _no_key(host, file, "it is damaged") from error
        certificate = file.with_name(f"{file.name}-cert.pub")
        self.own = [(key, str(certificate)) if certificate.exists() else key]


def _no_key(host: SshHost, file: Path, why: str) -> AuthenticationError:
    hint = "check `key_file`: it must be a private key, as ssh-keygen makes them"
    return AuthenticationError(host.name, f"{file} is not a private key: {why}", hint)


def locked_error(host: SshHost, key: Path) -> AuthenticationError:
    """Say that an encrypted key stays closed."""
    hint = "set `key_password_file` or `key_password_env`, or add the key to an agent: ssh-add"
    what = f"the key {key} is encrypted and no passphrase is set"
    return AuthenticationError(host.name, what, hint)


def _hop(
    host: SshHost, settings: SshSettings, keys: _Keys, password: str | None, *, is_jump: bool
) -> Hop:
    agent = settings.agent if host.agent else None
    if keys.locked and not agent:
        raise locked_error(host, keys.locked)
    files = settings.known_hosts_files
    if host.known_hosts_file is not None:
        files = (host.known_hosts_file, GLOBAL_FILE)
    known = KnownHosts(files)
    arguments: dict[str, Any] = {
        "host": settings.address,
        "port": settings.port,
        "username": settings.username,
        "password": password,
        "config": list(settings.files),
        "known_hosts": known,
        "server_host_key_algs": known.algorithms(
            settings.key_alias or settings.address, settings.port
        ),
        "client_keys": keys.own or list(settings.identity_files),
        "passphrase": keys.passphrase,
        "ignore_encrypted": True,
        "agent_path": agent,
        "agent_forwarding": False,
        "x11_forwarding": False,
        "keepalive_interval": host.keepalive_interval,
        # asyncssh gives up one interval after the last unanswered message, OpenSSH right then.
        "keepalive_count_max": max(host.keepalive_count - 1, 1),
        "login_timeout": host.monitoring.connect_timeout,
        "host_key_alias": settings.key_alias,
    }
    if not settings.chooses_ciphers:
        arguments["encryption_algs"] = _CHEAP_CIPHERS
    if host.jump or settings.jump:
        arguments["proxy_command"] = None  # a jump host goes first, as in ssh -J
    return Hop(
        address=settings.address,
        port=settings.port,
        username=settings.username,
        known=known,
        arguments=arguments,
        key_files=(host.key_file,)
        if host.key_file
        else tuple(Path(file) for file in settings.identity_files),
        locked_key=keys.locked,
        is_jump=is_jump,
    )
