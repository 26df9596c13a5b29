"""Which ways in a host permits, and which of our credentials it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import paramiko
from paramiko.pkey import UnknownKeyType

from config.models import SshHost
from connectors.doctor_step import Step
from connectors.ssh_hops import Hop

_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


def examine_auth(host: SshHost, hop: Hop, transport: paramiko.Transport) -> Iterator[Step]:
    """Yield: permitted methods, authentication. The transport is authenticated if both are ok."""
    try:
        methods = _methods(hop, transport)
    except (paramiko.SSHException, EOFError) as error:
        yield Step("methods", ok=False, detail=f"the host ended the connection: {error}")
        return
    yield Step("methods", ok=True, detail=", ".join(methods) or "no authentication is asked for")
    tried: list[str] = []
    try:
        done = transport.is_authenticated() or _try_all(host, hop, transport, tried)
    except (OSError, EOFError, paramiko.SSHException) as error:
        tried.append(f"the host ended the connection: {error}")
        done = False
    what = "; ".join(tried) or "nothing to try"
    if done:
        yield Step("authentication", ok=True, detail=f"as {hop.username}: {what}")
    else:
        key = f"{host.key_file}.pub" if host.key_file else "your public key"
        hint = f"add {key} to ~{hop.username}/.ssh/authorized_keys there, or set `key_file`"
        yield Step("authentication", ok=False, detail=f"as {hop.username}: {what}", hint=hint)


def _methods(hop: Hop, transport: paramiko.Transport) -> list[str]:
    try:
        transport.auth_none(hop.username)
    except paramiko.BadAuthenticationType as error:
        return list(error.allowed_types)
    return []


def _try_all(host: SshHost, hop: Hop, transport: paramiko.Transport, tried: list[str]) -> bool:
    """Offer each credential until one is taken; what was tried is told in `tried`."""
    for name, key in _keys(host, hop, tried):
        if _is_taken(transport, partial(transport.auth_publickey, hop.username, key)):
            tried.append(f"{name} accepted")
            return True
        tried.append(f"{name} refused")
    password = hop.arguments["password"]
    if password is not None:
        if _is_taken(transport, partial(transport.auth_password, hop.username, password)):
            tried.append("password accepted")
            return True
        tried.append("password refused")
    return False


def _is_taken(transport: paramiko.Transport, attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except paramiko.AuthenticationException:
        return False
    return transport.is_authenticated()  # a host may want a second factor on top


def _keys(host: SshHost, hop: Hop, tried: list[str]) -> Iterator[tuple[str, paramiko.PKey]]:
    defaults = [Path("~", ".ssh", name).expanduser() for name in _DEFAULT_KEYS]
    for file in hop.key_files or tuple(path for path in defaults if path.exists()):
        try:
            yield str(file), _read_key(file, hop.arguments["passphrase"])
        except (paramiko.PasswordRequiredException, TypeError):  # the latter by `cryptography`
            tried.append(f"{file} is encrypted and no passphrase is set")
        except (OSError, ValueError, paramiko.SSHException, UnknownKeyType) as error:
            tried.append(f"{file} cannot be used: {error}")
    if host.agent:
        agent = paramiko.Agent()
        try:
            for key in agent.get_keys():
                yield f"agent's {key.get_name()} {key.fingerprint}", key
        finally:
            agent.close()


def _read_key(file: Path, passphrase: str | None) -> paramiko.PKey:
    # Bytes, whatever the annotation there says: it goes to `cryptography` as it is.
    secret: Any = passphrase.encode() if passphrase is not None else None
    key: paramiko.PKey = paramiko.PKey.from_path(file, secret)
    return key
