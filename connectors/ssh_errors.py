"""What asyncssh's failures mean for a host, translated once."""

from __future__ import annotations

import socket

import asyncssh

from config.models import SshHost
from connectors.errors import (
    AuthenticationError,
    EngineError,
    HostKeyError,
    ProtocolError,
    UnreachableError,
)
from connectors.ssh_hops import Hop, locked_error


def connect_error(host: SshHost, hop: Hop, error: Exception) -> EngineError:
    """Say why one SSH connection did not come about and what to do about it."""
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return _host_key_error(host, hop)
        case asyncssh.PermissionDenied():
            return _refused(host, hop)
        case asyncssh.ChannelOpenError():
            what = f"the jump host cannot connect to {hop.address}:{hop.port}: {error.reason}"
            return UnreachableError(host.name, what, "check the address as seen from the jump host")
        case asyncssh.KeyExchangeFailed() | asyncssh.ProtocolNotSupported():
            what = f"no common SSH algorithms with {hop.place}: {error.reason}"
            return ProtocolError(host.name, what)
        case asyncssh.ProtocolError():
            what = f"{hop.place} does not speak SSH: {error.reason}"
            return ProtocolError(host.name, what, "check `port`")
        case asyncssh.DisconnectError():
            what = f"{hop.place} ended the connection: {error.reason}"
            hint = "see sshd's log there; too many connections at once (MaxStartups) end so as well"
            return UnreachableError(host.name, what, hint)
        case OSError():
            return _os_error(host, hop, error)
        case _:
            said = str(error) or type(error).__name__
            return EngineError(host.name, f"SSH to {hop.place} cannot be set up: {said}")


def _host_key_error(host: SshHost, hop: Hop) -> HostKeyError:
    address, port = hop.known.asked
    place = address if port == 22 else f"[{address}]:{port}"
    files = " or ".join(str(file) for file in hop.known.files)
    if hop.known.found:
        hint = (
            "if the host was reinstalled: compare fingerprints there, then "
            f"fleet hosts trust {host.name} --force; otherwise somebody may be in between"
        )
        what = f"the SSH host key of {place} is not the one on record in {files}"
        return HostKeyError(host.name, what, hint)
    what = f"the SSH host key of {place} is unknown: not in {files}"
    return HostKeyError(host.name, what, f"compare and record it: fleet hosts trust {host.name}")


def _refused(host: SshHost, hop: Hop) -> AuthenticationError:
    if hop.locked_key is not None:
        return locked_error(host, hop.locked_key)
    what = f"{hop.place} refused our keys" + (
        " and password" if hop.arguments["password"] is not None else ""
    )
    key = f"{host.key_file}.pub" if host.key_file else "your public key"
    hint = f"add {key} to ~{hop.username}/.ssh/authorized_keys there: ssh-copy-id"
    return AuthenticationError(host.name, what, hint)


def _os_error(host: SshHost, hop: Hop, error: OSError) -> UnreachableError:
    if isinstance(error, socket.gaierror):
        what = f"the name {hop.address} cannot be resolved: {error.strerror}"
        return UnreachableError(host.name, what, "check `address` and the DNS")
    if isinstance(error, ConnectionRefusedError):
        hint = "is sshd running there? check `port`"
        return UnreachableError(host.name, f"{hop.place} refused the connection", hint)
    return UnreachableError(host.name, f"{hop.place} cannot be reached: {error.strerror or error}")


def lost_reason(error: Exception | None) -> str:
    """Say why an established SSH connection ended."""
    if error is None:
        return "the SSH connection was closed"
    if isinstance(error, asyncssh.DisconnectError):
        if "keepalive" in error.reason:
            return "the host no longer answers: no reply to SSH keepalives"
        return f"the SSH connection ended: {error.reason}"
    return f"the SSH connection broke: {error}"
