"""By which address a Docker tool reaches a host."""

from __future__ import annotations

import os
import socket
import stat

from config.models import Config, Host, LocalHost, SshHost, TcpHost
from fleet.cli.errors import CommandError
from fleet.runtime import socket_path

# Set beside DOCKER_HOST they would send a tool elsewhere, or make it speak TLS to our socket.
CLEARED = ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH")
ANSWER_TIMEOUT = 2.0


def direct(host: Host) -> str | None:
    """The address that needs no connection of ours: local sockets and plain TCP."""
    if isinstance(host, LocalHost):
        return host.target
    if isinstance(host, TcpHost) and host.tls is None:
        return host.target
    return None


def offered(config: Config, host: Host) -> str:
    """The address of a host, through the running fleet where that is needed.

    Raises:
        CommandError: It is needed, but no fleet is running or the host is not connected.
    """
    if address := direct(host):
        return address
    if address := by_running_fleet(config, host):
        return address
    raise CommandError(
        f"{host.name} is reached through a running fleet, and none offers it now",
        f"start `fleet up` (is {host.name} up in `fleet status`?), or run"
        f" `fleet docker {host.name} ...`, which connects by itself",
    )


def by_running_fleet(config: Config, host: Host) -> str | None:
    """The socket that a running fleet offers for this host; None when nobody listens on it.

    A socket of somebody else is not trusted: it could read what passes.
    """
    path = socket_path(config, host.name)
    try:
        found = path.stat()
        if found.st_uid != os.getuid() or not stat.S_ISSOCK(found.st_mode):
            return None
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(ANSWER_TIMEOUT)
            probe.connect(os.fspath(path))
    except OSError:
        return None
    return f"unix://{path}"


def tls_arguments(host: Host) -> list[str] | None:
    """The docker CLI's own flags for a TLS host; None where it cannot do what the host needs.

    It cannot take another server name than the address, nor read an encrypted key.
    """
    if isinstance(host, SshHost | LocalHost) or host.tls is None:
        return None
    tls = host.tls
    if tls.server_name not in (None, host.address) or tls.key_password_file or tls.key_password_env:
        return None
    if tls.ca_file is None:
        return None
    arguments = ["--host", host.target, "--tlsverify", "--tlscacert", str(tls.ca_file)]
    if tls.cert_file and tls.key_file:
        arguments += ["--tlscert", str(tls.cert_file), "--tlskey", str(tls.key_file)]
    return arguments
