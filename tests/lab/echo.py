"""HTTP servers of the lab: one that says what it was asked, one that hands out a document."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Literal

from tests.lab.proxy import Address, Listener


def requests(client: socket.socket) -> Iterator[tuple[str, dict[str, str]]]:
    """Target and headers of each request without a body, until the client leaves.

    Names of headers are lower case; the values of one that came several times are joined.
    """
    with client.makefile("rb") as file:
        while line := file.readline():
            target = line.split(b" ")[1].decode("latin-1")
            headers: dict[str, str] = {}
            while (field := file.readline().strip()) and field:
                name, _, value = field.decode("latin-1").partition(":")
                name, value = name.lower(), value.strip()
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
            yield target, headers


def answer(status: str, body: bytes, kind: str = "application/json") -> bytes:
    """A whole answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Echo(Listener):
    """A backend: answers with its name, the target and headers of the request, as JSON.

    Attributes:
        asked: The targets of all requests so far.
    """

    def __init__(self, name: str, address: Address = ("127.0.0.1", 0)) -> None:
        self.name = name
        self.asked: list[str] = []
        super().__init__(address)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert not isinstance(self.address, str)
        return int(self.address[1])  # type: ignore[index]

    def serve(self, client: socket.socket) -> None:
        """Answer each request."""
        for target, headers in requests(client):
            self.asked.append(target)
            said = {"name": self.name, "target": target, "headers": headers}
            client.sendall(answer("200 OK", json.dumps(said).encode()))


class Source(Listener):
    """Hands out a document to whoever asks, or fails as it is told to.

    Attributes:
        body: The document.
        failure: What goes wrong; `cut`: half of the document comes.
        asked: Target and headers of all requests so far.
    """

    def __init__(self, body: bytes = b"", address: Address = ("127.0.0.1", 0)) -> None:
        self.body = body
        self.failure: Literal["", "503", "cut"] = ""
        self.asked: list[tuple[str, dict[str, str]]] = []
        super().__init__(address)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.address[1]}"  # type: ignore[index]

    def document(self, target: str) -> bytes:
        """What is handed out for this target."""
        del target
        return self.body

    def serve(self, client: socket.socket) -> None:
        """Answer each request."""
        for target, headers in requests(client):
            self.asked.append((target, headers))
            body = self.document(target)
            whole = answer("200 OK", body)
            if self.failure == "cut":
                client.sendall(whole[: len(whole) - len(body) // 2])
                return
            refusal = answer("503 Service Unavailable", b'{"detail": "not yet"}')
            client.sendall(refusal if self.failure == "503" else whole)
