"""SSH host keys, looked at and put on record: what `fleet hosts trust` does.

paramiko fetches them: an SSH implementation independent of the one that will check them.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import paramiko

from config.models import SshHost
from connectors.ssh_hops import host_settings

# Each kind of key is asked for by offering only its own signature algorithms (RFC 8332 for RSA).
_ALGORITHMS: dict[str, tuple[str, ...]] = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


class TrustError(Exception):
    """A host key could not be fetched or recorded. The message says why and the next step."""


@dataclass(frozen=True)
class HostKey:
    """A host key: its type, its base64 form as in known_hosts, and `SHA256:...` to compare."""

    kind: str
    base64: str

    @property
    def fingerprint(self) -> str:
        """The fingerprint as `ssh-keygen -l` and OpenSSH's question print it."""
        digest = hashlib.sha256(base64.b64decode(self.base64)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class SshTarget:
    """Where a host's keys are fetched and recorded, `~/.ssh/config` taken into account.

    Attributes:
        address: What is dialled, with `port`.
        name: What stands in known_hosts: the address, or its HostKeyAlias.
        file: The known_hosts file that fleet will look into for this host.
        jump: Not None when the host is behind others, and so out of reach from here.
    """

    address: str
    port: int
    name: str
    file: Path
    jump: str | None


def ssh_target(host: SshHost, environ: Mapping[str, str] = os.environ) -> SshTarget:
    """Resolve a configured host. Blocks: reads the SSH configuration.

    Raises:
        EngineError: the SSH configuration is malformed.
    """
    settings = host_settings(host, environ)
    return SshTarget(
        address=settings.address,
        port=settings.port,
        name=settings.key_alias or settings.address,
        file=host.known_hosts_file or settings.known_hosts_files[0],
        jump=host.jump or settings.jump,
    )


def fetch_host_keys(address: str, port: int, timeout: float) -> list[HostKey]:
    """Ask a host for its keys, one connection per kind. Blocks. Nothing is trusted by this.

    Raises:
        TrustError: it cannot be reached, or does not speak SSH.
    """
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it logs what it raises as well
    keys = []
    failure: Exception | None = None
    for kind, algorithms in _ALGORITHMS.items():
        try:
            key = fetch_host_key(address, port, timeout, algorithms)
        except paramiko.SSHException as error:
            failure = error  # mostly: it has no key of this kind
            continue
        except (OSError, EOFError, UnicodeError) as error:  # the last for what is no name
            raise TrustError(f"{place(address, port)} cannot be reached: {error}") from error
        if key.kind == kind:
            keys.append(key)
    if not keys:
        raise TrustError(f"{place(address, port)} gave no host key: {failure}") from failure
    return keys


def fetch_host_key(address: str, port: int, timeout: float, algorithms: tuple[str, ...]) -> HostKey:
    """Make a key exchange that accepts only these algorithms and return the host's key.

    Raises:
        OSError: no connection.
        paramiko.SSHException: no SSH, or no such key.
    """
    with socket.create_connection((address, port), timeout) as sock:
        transport = paramiko.Transport(sock)
        try:
            transport.get_security_options().key_types = algorithms
            transport.start_client(timeout=timeout)
            key = transport.get_remote_server_key()
        finally:
            transport.close()
    return HostKey(key.get_name(), key.get_base64())


def place(address: str, port: int) -> str:
    """Return a host's name as known_hosts has it: `[name]:port` unless the port is 22."""
    return address.lower() if port == 22 else f"[{address.lower()}]:{port}"


def known_keys(file: Path, address: str, port: int) -> list[HostKey]:
    """Return the keys on record for a host, hashed entries included."""
    name = place(address, port)
    return [key for _, names, key in _lines(file) if key and _matches(names, name)]


def record(
    file: Path, address: str, port: int, key: HostKey, *, force: bool = False
) -> Literal["added", "known", "replaced"]:
    """Put a key on record, whole or not at all, in a file of mode 0600.

    Args:
        file: The known_hosts file; made if need be.
        address: The host's name as `SshTarget.name` has it.
        port: Its port.
        key: The key, once its fingerprint has been compared.
        force: Replace a different key of the same kind.

    Raises:
        TrustError: a different key of the same kind is on record, or the file cannot be written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(file):
            return _record(file, place(address, port), key, force=force)
    except OSError as error:
        raise TrustError(f"{file} cannot be written: {error.strerror}") from error


def _record(
    file: Path, name: str, key: HostKey, *, force: bool
) -> Literal["added", "known", "replaced"]:
    kept, others = [], 0
    for line, names, found in _lines(file):
        if found is None or found.kind != key.kind or not _matches(names, name):
            kept.append(line)
        elif found == key:
            return "known"
        else:
            others += 1
            kept.extend(_without(line, names, name))
    if others and not force:
        raise TrustError(
            f"another {key.kind} key is on record for {name} in {file}. If the host was "
            "reinstalled, compare the fingerprint there and use --force; otherwise somebody may "
            "be in between"
        )
    kept.append(f"{name} {key.kind} {key.base64}")
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.write("\n".join(kept) + "\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file.resolve())
    return "replaced" if others else "added"


def _lines(file: Path) -> Iterator[tuple[str, list[str], HostKey | None]]:
    """Yield each line with its names and key; comments, markers and rubbish have no key."""
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        words = line.split()
        if len(words) < 3 or words[0].startswith(("#", "@")):
            yield line, [], None
        else:
            yield line, words[0].split(","), HostKey(words[1], words[2])


def _matches(names: list[str], name: str) -> bool:
    return any(_is(one, name) for one in names)


def _is(one: str, name: str) -> bool:
    if one.startswith("|1|"):
        return bool(paramiko.HostKeys.hash_host(name, one) == one)
    return one.lower() == name


def _without(line: str, names: list[str], name: str) -> list[str]:
    """Return a line for the other names that stand in it, if any."""
    left = [one for one in names if not _is(one, name)]
    return [" ".join([",".join(left), *line.split()[1:]])] if left else []


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    descriptor = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
