"""What `fleet doctor` finds at each step, and the sockets it finds it with."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from typing import Protocol

import msgspec

from connectors.ping import status_of

PATIENCE = 10.0  # seconds for one step, unless the host's connect_timeout is shorter
_MOST = 256 * 1024


@dataclass(frozen=True)
class Step:
    """One step of an examination.

    Attributes:
        name: What was tried, in a word or two.
        detail: What was found.
        hint: The next step for a person when it is not `ok`, or an empty string.
    """

    name: str
    ok: bool
    detail: str
    hint: str = ""


class Line(Protocol):
    """What paramiko's channels, sockets and TLS sockets have in common."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""

    def recv(self, size: int, /) -> bytes:
        """Return at most `size` bytes, nothing at the end."""


class _Version(msgspec.Struct):
    """What is read of `/version`."""

    Version: str = "?"
    ApiVersion: str = "?"
    MinAPIVersion: str = "?"


def resolve(address: str, port: int) -> Step:
    """Look the name up. Its time limit is the system's resolver's own."""
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # the latter for what no name can look like
        what = f"{address} cannot be resolved: {getattr(error, 'strerror', None) or error}"
        return Step("name", ok=False, detail=what, hint="check `address` and the DNS")
    addresses = sorted({str(entry[4][0]) for entry in found})
    return Step("name", ok=True, detail=", ".join(addresses))


def get(line: Line, path: str) -> bytes:
    """Make one request that ends the connection; return the answer as it came, bounded.

    HTTP/1.0, so that the body is neither chunked nor followed by anything.
    """
    with contextlib.suppress(ConnectionError):  # why it broke may still wait to be read
        line.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
    answer = b""
    while len(answer) < _MOST and (part := line.recv(65_536)):
        answer += part
    return answer


def ping_step(answer: bytes) -> Step:
    """Judge the answer to `/_ping`."""
    status = status_of(answer)
    if status == 200:
        return Step("ping", ok=True, detail="the Engine answers")
    if status is not None:
        first = answer.partition(b"\r\n")[0].decode(errors="replace")
        return Step("ping", ok=False, detail=f"the answer is {first}", hint="see the Engine's log")
    what = "the answer is not HTTP" if answer else "the connection was closed without an answer"
    return Step("ping", ok=False, detail=what, hint="is this the Engine's socket or port?")


def version_step(answer: bytes) -> Step:
    """Judge the answer to `/version`."""
    body = answer.partition(b"\r\n\r\n")[2]
    try:
        found = msgspec.json.decode(body, type=_Version)
    except msgspec.DecodeError as error:
        what = f"the answer to /version is not an Engine's: {error}"
        return Step("API version", ok=False, detail=what)
    what = f"Engine {found.Version}, API {found.MinAPIVersion} to {found.ApiVersion}"
    return Step("API version", ok=True, detail=what)
