"""Examining an SSH host step by step, with paramiko as the second opinion."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import paramiko

from config.models import SshHost
from connectors.dial_stdio import command_for
from connectors.doctor_auth import examine_auth
from connectors.doctor_step import PATIENCE, Step, get, ping_step, resolve, version_step
from connectors.errors import EngineError
from connectors.ssh_hops import Hop, plan_hops
from connectors.trust import HostKey, place

_STREAMLOCAL = "direct-streamlocal@openssh.com"


class _Transport(paramiko.Transport):
    """paramiko's transport, taught OpenSSH's forwarding to Unix sockets (PROTOCOL, 2.4)."""

    remote_socket: str | None = None

    def _send_user_message(self, data: paramiko.Message) -> None:
        if self.remote_socket is not None and _STREAMLOCAL.encode() in data.asbytes():
            data.add_string(self.remote_socket)
            data.add_string("")  # both reserved
            data.add_int(0)
        super()._send_user_message(data)  # type: ignore[misc]  # private, so not in the stubs


_Opener = Callable[[SshHost, _Transport], paramiko.Channel]
_Judge = Callable[[bytes], Step]


def examine_ssh(host: SshHost, environ: Mapping[str, str]) -> Iterator[Step]:
    """Yield for each SSH hop: name, port, banner, host key, methods, authentication.

    Then forwarding (or, where that is refused, dial-stdio), ping and API version.
    """
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it logs what it raises as well
    try:
        hops = plan_hops(host, environ)
    except EngineError as error:
        yield Step("settings", ok=False, detail=error.what, hint=error.hint)
        return
    with ExitStack() as stack:
        transport: _Transport | None = None
        for hop in hops:
            reached: list[_Transport] = []
            for step in _examine_hop(host, hop, transport, reached, stack):
                yield step if not hop.is_jump else _on_jump(hop, step)
                if not step.ok:
                    return
            transport = reached[0]
        if transport is not None:
            yield from _examine_engine(host, transport)


def _on_jump(hop: Hop, step: Step) -> Step:
    return Step(f"jump {hop.address}: {step.name}", step.ok, step.detail, step.hint)


def _patience(host: SshHost) -> float:
    return min(PATIENCE, host.monitoring.connect_timeout)


def _examine_hop(
    host: SshHost, hop: Hop, via: _Transport | None, reached: list[_Transport], stack: ExitStack
) -> Iterator[Step]:
    if via is None:
        name = resolve(hop.address, hop.port)
        yield name
        if not name.ok:
            return
    try:
        sock = _connect(host, hop, via)
    except (OSError, paramiko.SSHException) as error:
        hint = "is sshd running there, and does a firewall let us through? check `port`"
        what = f"{hop.address}:{hop.port} cannot be reached: {error}"
        yield Step("port", ok=False, detail=what, hint=hint)
        return
    stack.callback(sock.close)
    yield Step("port", ok=True, detail=f"{hop.port} accepts connections")
    transport = _Transport(sock)
    stack.callback(transport.close)
    yield from _examine_handshake(host, hop, transport)
    if transport.is_active() and transport.initial_kex_done:
        yield from examine_auth(host, hop, transport)
        reached.append(transport)


def _connect(host: SshHost, hop: Hop, via: _Transport | None) -> socket.socket | paramiko.Channel:
    if via is None:
        return socket.create_connection((hop.address, hop.port), _patience(host))
    target, source = (hop.address, hop.port), ("127.0.0.1", 0)
    return via.open_channel("direct-tcpip", target, source, timeout=_patience(host))


def _examine_handshake(host: SshHost, hop: Hop, transport: _Transport) -> Iterator[Step]:
    on_record, authorities = _on_record(hop)
    if on_record and not authorities:
        transport.get_security_options().key_types = _algorithms(on_record)
    transport.banner_timeout = _patience(host)
    try:
        transport.start_client(timeout=_patience(host))
    except (OSError, paramiko.SSHException, EOFError) as error:
        yield from _handshake_failure(host, hop, transport, error, known=bool(on_record))
        return
    yield Step("banner", ok=True, detail=transport.remote_version)
    given = transport.get_remote_server_key()
    key = HostKey(given.get_name(), given.get_base64())
    name = place(*hop.known.asked)
    shown = f"{key.kind} {key.fingerprint}"
    if key in on_record:
        yield Step("host key", ok=True, detail=f"{shown}, on record for {name}")
    elif authorities:
        yield Step("host key", ok=True, detail=f"{shown}; {name} is on record by its authority")
    elif on_record:
        transport.close()
        hint = _changed_hint(host)
        yield Step("host key", ok=False, detail=f"{shown} is not on record for {name}", hint=hint)
    else:
        transport.close()
        hint = f"compare it with the host's own and record it: fleet hosts trust {host.name}"
        yield Step("host key", ok=False, detail=f"{shown} is unknown for {name}", hint=hint)


def _changed_hint(host: SshHost) -> str:
    return (
        f"if the host was reinstalled: fleet hosts trust {host.name} --force; "
        "otherwise somebody may be in between"
    )


def _handshake_failure(
    host: SshHost, hop: Hop, transport: _Transport, error: Exception, *, known: bool
) -> Iterator[Step]:
    version = transport.remote_version
    if not version:
        hint = "does another service listen there? sshd's MaxStartups may also turn us away"
        what = f"{hop.address}:{hop.port} does not greet as SSH: {error}"
        yield Step("banner", ok=False, detail=what, hint=hint)
        return
    yield Step("banner", ok=True, detail=version)
    if known and "host key" in str(error):
        what = f"the host has no key of the kinds on record for {place(*hop.known.asked)}"
        yield Step("host key", ok=False, detail=what, hint=_changed_hint(host))
    else:
        yield Step("key exchange", ok=False, detail=str(error) or "the connection was closed")


def _on_record(hop: Hop) -> tuple[list[HostKey], bool]:
    """Return the keys on record for a hop, and whether an authority is on record too."""
    alias = hop.arguments["host_key_alias"] or hop.address
    keys, authorities = hop.known(alias, "", hop.port if hop.port != 22 else None)[:2]
    words = [key.export_public_key("openssh").decode().split() for key in keys]
    return [HostKey(kind, base64) for kind, base64, *_ in words], bool(authorities)


def _algorithms(keys: list[HostKey]) -> tuple[str, ...]:
    kinds = dict.fromkeys(key.kind for key in keys)
    rsa = ("rsa-sha2-512", "rsa-sha2-256")
    return tuple(name for kind in kinds for name in (rsa if kind == "ssh-rsa" else (kind,)))


def _examine_engine(host: SshHost, transport: _Transport) -> Iterator[Step]:
    transport.remote_socket = host.socket
    open_line: _Opener = _forwarded
    try:
        _forwarded(host, transport).close()
    except (OSError, paramiko.SSHException) as error:
        hint = "check `socket`; permit AllowStreamLocalForwarding in sshd_config there"
        what = f"to {host.socket}: refused ({error}); trying dial-stdio instead"
        yield Step("forwarding", ok=False, detail=what, hint=hint)
        open_line = _dial_stdio
    else:
        yield Step("forwarding", ok=True, detail=f"to {host.socket}")
    for path, judge in (("/_ping", ping_step), ("/version", version_step)):
        try:
            step = _ask(host, transport, path, open_line, judge)
        except (OSError, paramiko.SSHException) as error:
            step = Step("ping", ok=False, detail=f"no answer: {error or 'timed out'}")
        yield step
        if not step.ok:
            return


def _ask(
    host: SshHost, transport: _Transport, path: str, open_line: _Opener, judge: _Judge
) -> Step:
    with open_line(host, transport) as line:
        return judge(get(line, path))


def _forwarded(host: SshHost, transport: _Transport) -> paramiko.Channel:
    channel = transport.open_channel(_STREAMLOCAL, timeout=_patience(host))
    channel.settimeout(_patience(host))
    return channel


def _dial_stdio(host: SshHost, transport: _Transport) -> paramiko.Channel:
    channel = transport.open_session(timeout=_patience(host))
    channel.settimeout(_patience(host))
    channel.exec_command(command_for(host.socket))
    return channel
