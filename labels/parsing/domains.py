"""Names of domains as proxies and certificates want them, and what else is written beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import idna

from labels.model import Value
from labels.parsing.findings import quoted
from labels.parsing.suggest import closest
from labels.parsing.values import BadValueError, read_address, read_path

_MOST = 253
_RAW = 1000  # beyond this nothing is tried
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# What nearly all are: ASCII, the last part no number. What is not like this is looked at closely.
_PLAIN = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)*[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_ASCII = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_FLAG = re.compile(r"(.*):(no[-_]?)?redirect", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")
_PORT = re.compile(r":([0-9]*)$")
_WORD = re.compile(r":([A-Za-z][A-Za-z0-9_-]*)$")
_PATH = re.compile(r"[/?#]")
_VARIABLE = re.compile(r"[${}]")


class Entry(Value, frozen=True, kw_only=True):
    """One of a list of domains, as it was meant.

    Attributes:
        domain: As it is matched.
        path: The path that was written behind it; None without one.
        redirect: What its flag says; None without one.
        cleaned: What does not belong to a domain, and was taken off, in words.
        flag: A flag that is unknown, and was taken off.
        suggestion: For that flag, or the entry as it should be written.
    """

    domain: str
    path: str | None = None
    redirect: bool | None = None
    cleaned: tuple[str, ...] = ()
    flag: str = ""
    suggestion: str | None = None


def pieces(text: str) -> list[str]:
    """The entries of a list of domains as they were written; empty ones are skipped.

    Raises:
        BadValueError: All are.
    """
    found = [piece for raw in text.split(",") if (piece := raw.strip())]
    if not found:
        raise BadValueError("The value is empty")
    return found


def read_domain(text: str) -> str:
    """A domain as proxies match it: lower case ASCII, without a dot at its end.

    Raises:
        BadValueError: It is none.
    """
    name = text.lower() if text.isascii() else text  # else IDNA knows what is lower case
    if len(name) <= _MOST and "--" not in name and _PLAIN.fullmatch(name.removesuffix(".")):
        return name.removesuffix(".")
    if len(name) > _RAW:
        raise BadValueError(f"{quoted(text)} is longer than {_MOST} characters")
    star, rest = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    _refuse_slips(text, rest)
    domain = star + ".".join(_labels(rest))
    if len(domain) > _MOST:
        raise BadValueError(f"{quoted(text)} is longer than {_MOST} characters")
    return domain


def read_host(text: str) -> str:
    """A name or an IP address without brackets, where a backend is.

    Raises:
        BadValueError: It is neither.
    """
    if address := read_address(text):
        return address
    if "/" in text or ":" in text:
        raise BadValueError(f"{quoted(text)} is more than a name or an address")
    if text.startswith("*"):
        raise BadValueError(f"{quoted(text)} names no one host")
    return read_domain(text)


def _refuse_slips(text: str, rest: str) -> None:
    if not rest.strip("."):
        raise BadValueError("There is no name of a domain")
    if _VARIABLE.search(text):
        raise BadValueError(f"{quoted(text)} has a variable in it that nobody filled in")
    if "*" in rest:
        raise BadValueError(f"{quoted(text)} has a * that is not its whole first part")
    if text.startswith("."):
        raise BadValueError(f"{quoted(text)} begins with a dot", f"*{text}")
    if len(words := text.split()) > 1:
        meant = ",".join(words) if all("." in word for word in words) else None
        raise BadValueError(f"{quoted(text)} has a space in it", meant)


def _labels(name: str) -> Iterator[str]:
    try:
        labels = idna.uts46_remap(name, std3_rules=False).removesuffix(".").split(".")
        for label in labels:
            if _ASCII.fullmatch(label) and not label.startswith("xn--"):
                yield label
            else:
                yield idna.alabel(label).decode()
    except UnicodeError as error:  # idna's own, and those of surrogates
        raise BadValueError(f"{quoted(name)} is no name of a domain ({_reason(error)})") from error
    if _NUMBER.fullmatch(labels[-1]):
        raise BadValueError(f"{quoted(name)} is an address, or ends like one; a domain is a name")


def _reason(error: UnicodeError) -> str:
    match getattr(error, "code", ""):
        case "empty_label" | "empty_domain":
            return "a part of it is empty"
        case "label_too_long":
            return "a part of it is longer than 63 characters"
        case _:
            return "it has characters that domains may not have, or in the wrong place"


def read_entry(text: str) -> Entry:
    """One of a list of domains. Scheme, port and path are taken off, and told of.

    Raises:
        BadValueError: There is no domain in it.
    """
    rest, redirect = _without_flag(text)
    cleaned: list[str] = []
    if scheme := _SCHEME.match(rest):
        rest = rest[scheme.end() :]
        cleaned.append("the scheme")
    host, path = rest, None
    if beyond := _PATH.search(rest):
        host, path = rest[: beyond.start()], _path(rest[beyond.start() :])
        cleaned.append("the path")
    if "[" in host or host.count(":") > 1:
        raise BadValueError(f"{quoted(text)} is an address; a domain is a name")
    flag = ""
    if port := _PORT.search(host):
        host = host[: port.start()]
        cleaned.append("the port")
    elif word := _WORD.search(host):
        host, flag = host[: word.start()], word[1]
    domain = read_domain(host)
    behind = "" if redirect is None else ":redirect" if redirect else ":noredirect"
    if flag and (meant := closest(flag.lower(), ("redirect", "noredirect"))):
        behind = f":{meant}"
    return Entry(
        domain=domain,
        path=path,
        redirect=redirect,
        cleaned=tuple(cleaned),
        flag=flag,
        suggestion=domain + behind if cleaned or flag else None,
    )


def _without_flag(text: str) -> tuple[str, bool | None]:
    if flag := _FLAG.fullmatch(text):
        return flag[1].rstrip(), flag[2] is None
    return text, None


def _path(text: str) -> str | None:
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    return read_path(path)[0] if path.strip("/") else None
