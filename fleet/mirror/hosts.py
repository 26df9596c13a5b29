"""A configured host without what only who connects to it needs: no paths of keys, no limits."""

from __future__ import annotations

from pathlib import Path

from config.models import Host, LocalHost, SshHost, TcpHost, TlsFiles
from fleet.model import Value
from labels.facts import Place


class MirroredHost(Value, frozen=True, kw_only=True):
    """What is told of a host. `place` is None for one that is disabled.

    Of `socket`, `tcp` and `ssh` there is one.
    """

    name: str
    enabled: bool
    labels: dict[str, str]
    place: Place | None
    socket: str | None = None
    tcp: tuple[str, int, bool] | None = None  # address, port, and whether it is without TLS
    ssh: tuple[str, int | None, str | None] | None = None  # address, port, user


def mirrored(host: Host, place: Place | None) -> MirroredHost:
    """What is told of a host that proxies reach at `place`."""
    socket = str(host.socket) if isinstance(host, LocalHost) else None
    tcp = ssh = None
    if isinstance(host, TcpHost):
        tcp = (host.address, host.port, host.insecure and host.tls is None)
    if isinstance(host, SshHost):
        ssh = (host.address, host.port, host.username)
    return MirroredHost(
        name=host.name,
        enabled=host.enabled,
        labels=host.labels,
        place=place,
        socket=socket,
        tcp=tcp,
        ssh=ssh,
    )


def host_of(told: MirroredHost) -> Host:
    """A host that looks as the one that was told of; nobody could connect to it."""
    name, enabled, labels = told.name, told.enabled, told.labels
    if told.tcp is not None:
        address, port, plain = told.tcp
        tls = None if plain else TlsFiles()
        return TcpHost(
            name=name,
            enabled=enabled,
            labels=labels,
            address=address,
            port=port,
            tls=tls,
            insecure=plain,
        )
    if told.ssh is not None:
        at, at_port, user = told.ssh
        return SshHost(
            name=name, enabled=enabled, labels=labels, address=at, port=at_port, username=user
        )
    return LocalHost(name=name, enabled=enabled, labels=labels, socket=Path(told.socket or ""))
