"""Addresses as people write them: what is well-formed, and what stays on this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qs, urlsplit

# RFC 1035 section 2.3.4; a name beyond it makes the resolver's own encoding fail.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_LONGEST_NAME = 253
_JUMP = re.compile(r"(?:[^\s@,\0]+@)?(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s@,:\[\]]+))(?::(\d{1,5}))?")
_HIGHEST_PORT = 65_535


def is_name(text: str) -> bool:
    """Whether a resolver can be asked for it: dots between labels of 1 to 63 characters."""
    return len(text.removesuffix(".")) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def split_listen(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8080`, `[::1]:8080` or `fleet.lan:0` (0: any free port).

    Raises:
        ValueError: It is not of that form.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif ":" in host or not is_name(host):
        raise ValueError(text)
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise ValueError(text)
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether what is sent to `host` stays on this machine, without asking any name server."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def is_network(text: str) -> bool:
    """Whether it is an address, or a network with its prefix: `10.0.0.5`, `fd00::/8`."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def canonical(host: str) -> str:
    """One spelling for each address, so that two spellings of it compare equal."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().rstrip(".")


def fault_in_address(text: str) -> str | None:
    """What to write instead of a host address that is none; None if it is fine."""
    if "://" in text:
        return "it should be the host alone, without a scheme such as tcp://"
    if "@" in text:
        return "it should be the host alone; the user goes into username"
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return None
    if text.startswith("["):
        return "it should be the IPv6 address alone, without brackets"
    if re.fullmatch(r"[^:]+:\d+", text):
        return "it should be the host alone; the port goes into port"
    if is_name(text):
        return None
    return "it should be a host name or an IP address" + _why_no_name(text)


def _why_no_name(text: str) -> str:
    if ".." in text or text.startswith("."):
        return ", without an empty part between dots"
    too_long = len(text) > _LONGEST_NAME or any(len(part) > 63 for part in text.split("."))
    return f", of at most {_LONGEST_NAME} characters, 63 between dots" if too_long else ""


def fault_in_domain(text: str) -> str | None:
    """What to write instead of a domain that is none; None if it is fine.

    Letters beyond ASCII may stand in it: whether it has an ASCII form is for others to find out.
    """
    if "://" in text:
        return "it should be the domain alone, without a scheme such as https://"
    if "/" in text:
        return "it should be the domain alone; the path goes into path"
    if re.fullmatch(r"[^:]+:\d+", text):
        return "it should be the domain alone, without a port"
    name = text.removeprefix("*.")
    if "*" in name:
        return 'an asterisk stands for the whole first part: "*.example.com"'
    # A stand-in for each letter beyond ASCII: an upper bound of its length is not known here.
    plain = "".join("x" if not char.isascii() and char.isprintable() else char for char in name)
    if re.search(r"(?:^|\.)\d+\.?$", plain):
        return "it should be a name: addresses are no domains"
    if is_name(plain):
        return None
    return 'it should be like "app.example.com" or "*.example.com"' + _why_no_name(plain)


def fault_in_jump(text: str) -> str | None:
    """What to write instead of a ProxyJump that is none; None if it is fine."""
    for hop in text.split(","):
        match = _JUMP.fullmatch(hop.strip())
        if match is None or int(match[3] or 1) > _HIGHEST_PORT:
            return 'it should be like "user@host:port", several with commas between'
        fault = fault_in_address(match[1] or match[2])
        if fault:
            return f"in {hop.strip()}: {fault}"
    return None


def fault_in_cache_url(text: str) -> str | None:
    """What to write instead of the URL of a Redis or Valkey; None if it is fine."""
    form = "it should be like redis://cache.lan:6379/0, rediss://... or unix:///run/redis.sock"
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or "password" in parse_qs(parts.query)
        _ = parts.port
    except ValueError:
        return form
    if secret:
        return "secrets do not stand in this file: use password_file or password_env"
    if parts.scheme == "unix":
        return None if parts.path.startswith("/") and not parts.netloc else form
    number = parts.path.strip("/")
    known = parts.scheme in ("redis", "rediss") and parts.hostname is not None
    return None if known and (not number or number.isdigit()) else form


def fault_in_database_url(text: str) -> str | None:
    """What to write instead of a database URL that cannot be used; None if it is fine."""
    form = "it should be like postgresql://user@host:5432/database"
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        return form
    if parts.scheme not in ("postgresql", "postgres") or "://" not in text:
        return form
    # libpq's lists of hosts, a:1,b:2, are not for urlsplit's port. What is no number there is
    # mostly a password with a `/` or `#` that was not escaped.
    ports = re.findall(r":([^,\]]*)(?:,|$)", parts.netloc.rpartition("@")[2])
    if secret or not all(port.isdigit() or not port for port in ports):
        return "secrets do not stand in this file: use password_file or password_env"
    return None
