"""A server on a real socket that answers as no Engine should, in many ways."""

import itertools
import json
import socket
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from tests.lab.proxy import Address, Listener


class Rubbish(StrEnum):
    """How it answers."""

    NOT_HTTP = "not http"
    SILENCE = "silence"
    CLOSE = "close"
    HALF_STATUS_LINE = "half status line"
    ENDLESS_HEADERS = "endless headers"
    ENDLESS_BODY = "endless body"
    ENDLESS_LINE = "endless line"
    TINY_CHUNKS = "endless body in chunks of two bytes"
    GIANT_LENGTH = "giant length, then silence"
    SHORT_BODY = "body shorter than announced"
    BAD_CHUNK = "bad chunk"
    INVALID_JSON = "invalid json"
    INVALID_UTF8 = "invalid utf-8"
    DEEP_JSON = "deeply nested json"
    WRONG_TYPES = "wrong types"
    EMPTY_BODY = "empty body"
    DRIP_FEED = "one byte a second"
    SERVER_ERROR = "server error"
    REDIRECT = "redirect"
    OLD_API = "an api too old"
    ANSWERS_WELL = "answers well"


PING_OK = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nOstype: linux\r\n"


def well_formed(body: bytes, status: str = "200 OK", extra: bytes = b"") -> bytes:
    """A whole answer, whose body is what it may be."""
    head = f"HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"
    return head.encode() + extra + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


_CHUNKED = PING_OK + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
_WRONG = {
    "Id": 7,
    "ID": [],
    "Containers": "many",
    "State": "yes",
    "Names": 3.5,
    "ApiVersion": None,
    "Version": {},
    "time": "noon",
    "Actor": [1],
    "cpu_stats": "busy",
}

_FIXED: dict[Rubbish, bytes] = {
    Rubbish.NOT_HTTP: b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\x00\xff\x00garbage\r\n\r\n",
    Rubbish.CLOSE: b"",
    Rubbish.SHORT_BODY: PING_OK + b'Content-Length: 1000\r\n\r\n{"Id":',
    Rubbish.BAD_CHUNK: _CHUNKED + b"zz\r\n{}\r\n",
    Rubbish.INVALID_JSON: well_formed(b'[{"Id": "abc", "Names": ['),
    Rubbish.INVALID_UTF8: well_formed(b'{"Id": "\xff\xfe\x80"}'),
    Rubbish.DEEP_JSON: well_formed(b"[" * 100_000 + b"]" * 100_000),
    Rubbish.WRONG_TYPES: well_formed(json.dumps(_WRONG).encode()),
    Rubbish.EMPTY_BODY: well_formed(b""),
    Rubbish.SERVER_ERROR: well_formed(
        b'{"message":"the disk is on fire"}', "500 Internal Server Error"
    ),
    Rubbish.REDIRECT: well_formed(b"", "302 Found", b"Location: http://192.0.2.1/\r\n"),
    Rubbish.OLD_API: well_formed(b"OK").replace(b"1.41", b"1.12"),
    Rubbish.ANSWERS_WELL: well_formed(b"OK"),
}
_SILENT: dict[Rubbish, bytes] = {
    Rubbish.SILENCE: b"",
    Rubbish.HALF_STATUS_LINE: b"HTTP/1.1 20",
    Rubbish.GIANT_LENGTH: PING_OK + b"Content-Length: 9000000000000000000\r\n\r\n[",
}
_ENDLESS: dict[Rubbish, Callable[[], Iterator[bytes]]] = {
    Rubbish.ENDLESS_HEADERS: lambda: _forever(PING_OK, b"X-More: and more\r\n" * 500),
    Rubbish.ENDLESS_BODY: lambda: _forever(_CHUNKED, b"2000\r\n" + b"[" * 0x2000 + b"\r\n"),
    Rubbish.TINY_CHUNKS: lambda: _forever(_CHUNKED, b"2\r\n[[\r\n" * 9000),
    Rubbish.ENDLESS_LINE: lambda: _forever(b"HTTP/1.1 200 ", b"O" * 8192),
}


def _forever(first: bytes, then: bytes) -> Iterator[bytes]:
    return itertools.chain([first], itertools.repeat(then))


class RubbishEngine(Listener):
    """Answers every request according to ``mode``, which may be changed at any time.

    With ``ping_well`` the requests ``/_ping``, ``/version`` and ``/info`` are answered properly
    all the same, so that the rubbish comes only once a client believes in the Engine.
    """

    def __init__(
        self, address: Address = ("127.0.0.1", 0), mode: Rubbish = Rubbish.NOT_HTTP
    ) -> None:
        self.mode = mode
        self.ping_well = False
        self.requests: list[str] = []
        super().__init__(address)

    @property
    def url(self) -> str:
        """Its address as Docker's clients write it."""
        if isinstance(self.address, Path):
            return f"unix://{self.address}"
        return "tcp://{}:{}".format(*self.address)

    def serve(self, client: socket.socket) -> None:
        """Answer requests until the mode ends the connection."""
        with client.makefile("rb") as reader:
            while path := self._read_request(reader.readline):
                self.requests = [*self.requests[-999:], path]
                good = self._proper(path) if self.ping_well else None
                if good is not None:
                    client.sendall(good)
                elif not self._answer_badly(client):
                    return

    def _read_request(self, read_line: Callable[[int], bytes]) -> str:
        words = read_line(65536).split()
        while read_line(65536) not in (b"\r\n", b"\n", b""):
            pass
        return words[1].decode() if len(words) == 3 else ""

    def _proper(self, path: str) -> bytes | None:
        last = path.partition("?")[0].rpartition("/")[2]
        if last == "_ping":
            return well_formed(b"OK")
        version = {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}
        info = {"ID": "RUBBISH", "Name": "rubbish", "ServerVersion": "20.10.24", "NCPU": 2}
        documents = {"version": version, "info": {**info, "MemTotal": 1 << 30, "OSType": "linux"}}
        return well_formed(json.dumps(documents[last]).encode()) if last in documents else None

    def _answer_badly(self, client: socket.socket) -> bool:
        """Answer one request by ``mode``; False when the connection is to end."""
        mode = self.mode
        if mode in _FIXED:
            client.sendall(_FIXED[mode])
            return _FIXED[mode].startswith(b"HTTP") and mode is not Rubbish.SHORT_BODY
        if mode in _SILENT:
            client.sendall(_SILENT[mode])
            client.recv(1)  # until the client gives up
        elif mode in _ENDLESS:
            for piece in _ENDLESS[mode]():
                client.sendall(piece)
        else:
            self._drip(client)
        return False

    def _drip(self, client: socket.socket) -> None:
        for byte in well_formed(b'{"Id": "' + b"a" * 10_000 + b'"}'):
            client.sendall(bytes([byte]))
            if self._stopping.wait(1.0):
                return
