"""Engines that Docker's own tools know of: contexts, `DOCKER_HOST`, and the usual sockets.

The files are read as docker reads them, in `DOCKER_CONFIG`, else `~/.docker`: the Docker SDK finds
no contexts where `config.json` is missing, which docker writes only with the first setting or
login. The SDK judges addresses, so that what docker takes is what is taken over.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from docker.errors import DockerException
from docker.utils import parse_host

from config.models import Host, LocalHost, SshHost, TcpHost, TlsFiles

_DEFAULT_SOCKET = Path("/var/run/docker.sock")
_PODMAN_SOCKET = Path("/run/podman/podman.sock")


class ContextError(Exception):
    """A docker context or `DOCKER_HOST` cannot be used. The message says which and why."""


@dataclass(frozen=True)
class DockerContext:
    """One docker context as a host of ours.

    Attributes:
        host: None when it cannot be expressed; `note` says why.
        note: What a person should know of the translation, or an empty string.
    """

    name: str
    host: Host | None
    is_current: bool
    note: str = ""


def docker_contexts(environ: Mapping[str, str] = os.environ) -> list[DockerContext]:
    """Return all docker contexts, `default` first. Blocks: reads files.

    Raises:
        ContextError: a context's file is corrupt.
    """
    current = current_context(environ)
    default = DockerContext("default", _default_host(environ), current == "default")
    return [default, *(_translated(context, current) for context in _load_all())]


def find_local_engine(environ: Mapping[str, str] = os.environ) -> Host:
    """Return the Engine that `docker` would talk to here, for a fleet without a `hosts.toml`.

    In docker's order: `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context; then the first socket
    that exists of Docker's, rootless Docker's and Podman's. When there is none, Docker's, so that
    the attempt to connect says what is missing. Blocks: reads files.

    Raises:
        ContextError: `DOCKER_HOST` or the context it comes from cannot be used.
    """
    if address := environ.get("DOCKER_HOST"):
        return host_of_address("local", address, _files_of_environment(environ))
    name = current_context(environ)
    if name != "default":
        chosen = next((c for c in docker_contexts(environ) if c.name == name), None)
        if chosen is None:
            raise ContextError(f"there is no docker context {name!r}: see docker context ls")
        if chosen.host is None:
            raise ContextError(f"the docker context {name!r} cannot be used: {chosen.note}")
        return chosen.host
    return LocalHost(name="local", socket=_first_socket(environ))


def current_context(environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the context in force; `default` means none.

    Raises:
        ContextError: docker's configuration is corrupt.
    """
    if environ.get("DOCKER_HOST"):
        return "default"  # it wins over any context
    if name := environ.get("DOCKER_CONTEXT"):
        return name
    file = _folder() / "config.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Settings).currentContext or "default"
    except FileNotFoundError:
        return "default"
    except (OSError, msgspec.MsgspecError) as error:
        raise ContextError(f"docker's configuration {file} cannot be read: {error}") from error


class _Settings(msgspec.Struct):
    """What is read of `config.json`."""

    currentContext: str = ""  # noqa: N815 - docker's name for it


class _Place(msgspec.Struct):
    """One endpoint of a context."""

    Host: str | None = None
    SkipTLSVerify: bool = False


class _Meta(msgspec.Struct):
    """What is read of a context's file."""

    Name: str
    Endpoints: dict[str, _Place] = {}


@dataclass(frozen=True)
class _Context:
    """A context as it stands on disk."""

    name: str
    place: _Place
    files: TlsFiles | None


def _load_all() -> list[_Context]:
    contexts = []
    folder = _folder() / "contexts"
    for file in sorted((folder / "meta").glob("*/meta.json")):
        try:
            meta = msgspec.json.decode(file.read_bytes(), type=_Meta)
        except FileNotFoundError:
            continue  # removed in this moment
        except (OSError, msgspec.MsgspecError) as error:
            raise ContextError(f"the docker context in {file} cannot be read: {error}") from error
        # Both folders of a context bear the same name, a hash of its own.
        files = _files_in(folder / "tls" / file.parent.name / "docker")
        contexts.append(_Context(meta.Name, meta.Endpoints.get("docker", _Place()), files))
    return contexts


def _files_in(folder: Path) -> TlsFiles | None:
    """Return the files that `docker context create` has put there; the names are fixed."""
    ca, cert, key = (
        path if path.exists() else None
        for path in (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    )
    return TlsFiles(ca_file=ca, cert_file=cert, key_file=key) if ca or cert else None


def _folder() -> Path:
    """Docker's own folder, of this process's environment, whether or not it holds a file."""
    given = os.environ.get("DOCKER_CONFIG")
    try:
        return Path(given) if given else Path("~", ".docker").expanduser()
    except RuntimeError as error:
        raise ContextError("the home folder is not known: set HOME or DOCKER_CONFIG") from error


def _translated(context: _Context, current: str) -> DockerContext:
    name, place, files = context.name, context.place, context.files
    note = ""
    if files is not None and place.SkipTLSVerify:
        note = "the context skips the check of the certificate; fleet always makes it"
    try:
        host = host_of_address(name, place.Host, files)
    except ContextError as error:
        return DockerContext(name, None, name == current, str(error))
    return DockerContext(name, host, name == current, note)


def _default_host(environ: Mapping[str, str]) -> Host:
    if address := environ.get("DOCKER_HOST"):
        return host_of_address("default", address, _files_of_environment(environ))
    return LocalHost(name="default", socket=_first_socket(environ))


def host_of_address(name: str, address: str | None, files: TlsFiles | None) -> Host:
    """Translate an address of Docker's (unix://, tcp://, ssh://) into a host of ours.

    Raises:
        ContextError: it is malformed, or of a kind that does not exist here (npipe://, fd://).
    """
    given = urlsplit(address or "")
    path = given.path if given.scheme == "ssh" else ""  # ssh://host/run/docker.sock: CLI 23 and on
    plain = (address or "").removesuffix(path) if path else address
    try:
        parts = urlsplit(str(parse_host(plain, is_win32=False, tls=files is not None)))
        port = parts.port
    except (DockerException, ValueError) as error:
        raise ContextError(f"{address!r} is no address of an Engine: {error}") from error
    if parts.scheme == "http+unix":
        return LocalHost(name=name, socket=Path("/", parts.path))
    if parts.scheme == "ssh" and parts.hostname:
        socket = path.rstrip("/") or str(_DEFAULT_SOCKET)
        # The port only when given: else `~/.ssh/config` decides, as it does for docker.
        return SshHost(
            name=name,
            address=parts.hostname,
            port=given.port,
            username=given.username,
            socket=socket,
        )
    if parts.scheme in ("http", "https") and parts.hostname and port:
        return TcpHost(
            name=name, address=parts.hostname, port=port, tls=files, insecure=files is None
        )
    raise ContextError(f"{address!r} is of a kind that fleet cannot reach")


def _files_of_environment(environ: Mapping[str, str]) -> TlsFiles | None:
    """Return the files that docker takes with `DOCKER_TLS_VERIFY` or `DOCKER_CERT_PATH`."""
    folder = environ.get("DOCKER_CERT_PATH")
    if not folder and not environ.get("DOCKER_TLS_VERIFY"):
        return None
    base = (Path(folder) if folder else _folder()).absolute()
    return TlsFiles(ca_file=base / "ca.pem", cert_file=base / "cert.pem", key_file=base / "key.pem")


def _first_socket(environ: Mapping[str, str]) -> Path:
    candidates = [_DEFAULT_SOCKET]
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime:
        candidates.append(Path(runtime, "docker.sock"))
    candidates.append(_PODMAN_SOCKET)
    if runtime:
        candidates.append(Path(runtime, "podman", "podman.sock"))
    return next((path for path in candidates if path.is_socket()), _DEFAULT_SOCKET)
