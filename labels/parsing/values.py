"""Reads the values of labels. Each reader takes a text and gives a value, or raises BadValueError.

What passes may stand in the documents of proxies: the patterns leave out all that ends a string, a
line or a block there.
"""

from __future__ import annotations

import ipaddress
import re

from labels.model import Policy, Scheme
from labels.parsing.findings import quoted, shown
from labels.parsing.suggest import closest

MOST_VALUE = 4096  # characters of any value
_MOST_PATH = 255
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_POLICIES: dict[str, Policy] = {
    "roundrobin": "round_robin",
    "leastconn": "least_conn",
    "iphash": "ip_hash",
    "random": "random",
    "first": "first",
}
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"[0-9]{1,9}")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(ms|s|m|h|)", re.IGNORECASE)
PATH = re.compile(r"/|(?:/[A-Za-z0-9._~@:+=,-]+)+")
RESOLVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MIDDLEWARE = re.compile(r"(?=.{1,128}$)[A-Za-z0-9][A-Za-z0-9._-]*(?:@[A-Za-z0-9][A-Za-z0-9_-]*)?")
_MOST_MIDDLEWARES = 16


class BadValueError(ValueError):
    """A value cannot be used. `suggestion` is what was probably meant."""

    def __init__(self, reason: str, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.suggestion = suggestion


def read_boolean(text: str) -> bool:
    """`true`, `yes`, `on`, `1`, and their opposites."""
    word = text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise BadValueError(
        f"{quoted(text)} is neither true nor false", closest(word, _TRUE | _FALSE, 0.5)
    )


def _number(text: str, least: int, most: int, name: str) -> int:
    if _NUMBER.fullmatch(text) and least <= (number := int(text)) <= most:
        return number
    raise BadValueError(f"{quoted(text)} is no {name}")


def read_port(text: str) -> int:
    """1 to 65535; `8080/tcp` is a slip with a suggestion."""
    try:
        return _number(text, 1, 65535, "port")
    except BadValueError as error:
        error.suggestion = port_within(text)
        raise


def port_within(text: str) -> str | None:
    """The only number in a text, if it may be a port: `8080` of `8080/tcp`."""
    found = re.findall(r"[0-9]+", text[:100])
    if len(found) == 1 and len(found[0]) <= 5 and 0 < int(found[0]) < 65536:
        return str(found[0])
    return None


def read_weight(text: str) -> int:
    """0 to 256."""
    return _number(text, 0, 256, "weight")


def read_status(text: str) -> int:
    """A status of HTTP."""
    return _number(text, 100, 599, "status")


def read_scheme(text: str) -> Scheme:
    """`http` or `https`; `https://` will do."""
    match text.lower().removesuffix("//").removesuffix(":"):
        case "http":
            return "http"
        case "https":
            return "https"
    raise BadValueError(f"{quoted(text)} is no scheme", closest(text.lower(), ("http", "https")))


def read_policy(text: str) -> Policy:
    """A way to share out requests; `-`, `_` and case do not matter."""
    word = text.lower().replace("_", "").replace("-", "")
    if policy := _POLICIES.get(word):
        return policy
    meant = closest(word, _POLICIES)
    raise BadValueError(f"{quoted(text)} is no load balancer", _POLICIES[meant] if meant else None)


def read_seconds(text: str) -> float:
    """`10`, `2.5s`, `500ms`, `1m`: 0.1 to 3600 seconds."""
    found = _DURATION.fullmatch(text)
    if found:
        seconds = round(float(found[1]) * _SECONDS[found[2].lower()], 3)
        if 0.1 <= seconds <= 3600:
            return seconds
    raise BadValueError(f"{quoted(text)} is no such time")


def read_path(text: str) -> tuple[str, bool]:
    """A path without `/` at its end, and whether more than that had to be put right."""
    path = text.rstrip("/") or "/"
    fixed = path
    if fixed.endswith("/*"):
        fixed = fixed[:-2].rstrip("/") or "/"
    if not fixed.startswith("/"):
        fixed = f"/{fixed}"
    if len(fixed) > _MOST_PATH:
        raise BadValueError(f"{quoted(text)} is longer than {_MOST_PATH} characters")
    if not PATH.fullmatch(fixed) or any(part in {".", ".."} for part in fixed.split("/")):
        raise BadValueError(f"{quoted(text)} is no path that every proxy understands")
    return fixed, fixed != path or not text


def read_resolver(text: str) -> str:
    """A proxy's name for what gets certificates."""
    if RESOLVER.fullmatch(text):
        return text
    raise BadValueError(f"{quoted(text)} is no name of a certificate resolver")


def read_middlewares(text: str) -> tuple[str, ...]:
    """Names in their order, each once."""
    names = tuple(dict.fromkeys(name for raw in text.split(",") if (name := raw.strip())))
    for name in names:
        if not MIDDLEWARE.fullmatch(name):
            raise BadValueError(f"{quoted(name)} is no name of a middleware")
    if len(names) > _MOST_MIDDLEWARES:
        raise BadValueError(f"{len(names)} are too many")
    return names


def read_address(text: str) -> str | None:
    """An IP address without brackets; None if it is none."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" in bare:
        return None
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def read_text(text: str, most: int) -> str:
    """Text for people: one line, without what cannot be shown, shortened."""
    return shown(" ".join(text.split()), most)
