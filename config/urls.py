"""URLs of the file: where a static route leads, and where a proxy's admin interface is."""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from config.addresses import fault_in_address

_USUAL_PORTS: dict[Literal["http", "https"], int] = {"http": 80, "https": 443}


class Backend(NamedTuple):
    """Where a static route leads. `address` is a name or an IP, without brackets."""

    scheme: Literal["http", "https"]
    address: str
    port: int


def split_backend(text: str) -> Backend:
    """The parts of `http://10.0.0.5:8080` or `https://[::1]`, which is port 443.

    Raises:
        ValueError: It is no such URL, or more than that. The message says what it has.
    """
    parts = _parts(text)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f'the scheme "{parts.scheme}"')
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError("more than a host and a port")
    return _backend(parts)


def check_admin_url(text: str) -> None:
    """Whether `text` is `http(s)://HOST:PORT/PATH`, `tcp://HOST:PORT` or `unix:///PATH`.

    Raises:
        ValueError: It is neither. The message says what it has.
    """
    parts = _parts(text)
    if parts.scheme == "unix":
        if parts.netloc or parts.path in ("", "/"):
            raise ValueError("no absolute path")
        return
    if parts.scheme not in ("http", "https", "tcp"):
        raise ValueError(f'the scheme "{parts.scheme}"')
    if "?" in text or "#" in text:
        raise ValueError("more than a host, a port and a path")
    _backend(parts)
    if parts.scheme == "tcp" and parts.port is None:
        raise ValueError("no port")


def split_base(text: str) -> Backend:
    """The scheme, host and port of `https://id.example.com/realms/main`.

    Raises:
        ValueError: It is no such URL. The message says what it has.
    """
    parts = _parts(text)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f'the scheme "{parts.scheme}"')
    if "?" in text or "#" in text:
        raise ValueError("more than a host, a port and a path")
    return _backend(parts)


def fault_in_collector(text: str) -> str | None:
    """What to write instead of a URL that is no collector's of traces; None if it is fine."""
    right = 'it should be like "http://collector:4318"'
    try:
        parts = _parts(text)
        if parts.scheme not in ("http", "https"):
            return f'{right}, and has the scheme "{parts.scheme}"'
        _backend(parts)
    except ValueError as error:
        return f"{right}, and has {error}"
    return None


def _parts(text: str) -> SplitResult:
    if not text.isprintable() or " " in text:  # urlsplit drops some of them silently
        raise ValueError("a space or a character that cannot be printed")
    if "://" not in text:
        raise ValueError("no scheme")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError("brackets without an IPv6 address") from error
    if "@" in parts.netloc:
        raise ValueError("a user or password")
    return parts


def _backend(parts: SplitResult) -> Backend:
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    address = parts.hostname or ""
    if fault_in_address(address):
        raise ValueError("no usable host" if address else "no host")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError("a port that is none") from error
    if port == 0:
        raise ValueError("port 0")
    return Backend(scheme, address, port or _USUAL_PORTS[scheme])
