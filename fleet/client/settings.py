"""How a fleet is asked, whichever client does it. Pure, but for reading the authority's file."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fleet.client.answers import MOST
from fleet.client.asking import Ask

URL = "http://127.0.0.1:8080"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a fleet is asked.

    Attributes:
        url: `http://HOST:PORT`, with the path that is in front of its own, without a slash after.
        token: Sent as a bearer token when not empty.
        trust: Whose certificate is believed; None: the system's authorities decide.
        connect: Seconds for a connection.
        timeout: Seconds of silence after which an answer is given up.
        silence: The same on a stream, where a sign of life comes every 15 seconds.
        most: Bytes of one answer that are taken.
    """

    url: str
    token: str = ""
    trust: ssl.SSLContext | None = None
    connect: float = 5.0
    timeout: float = 30.0
    silence: float = 60.0
    most: int = MOST

    def __repr__(self) -> str:
        """Without the token, which would stand in somebody's log."""
        return f"{type(self).__name__}(url={self.url!r})"

    @property
    def is_secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.url.startswith("https:")

    def headers(
        self, ask: Ask[Any], *, tag: str | None = None, last_id: str = ""
    ) -> dict[str, str]:
        """What goes with a question: the answer's tag that is known, or the place to resume at."""
        near = urlsplit(self.url).hostname in _LOOPBACK
        headers = {"Accept": ask.accept, "Accept-Encoding": "identity" if near else "gzip"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if ask.body is not None:
            headers["Content-Type"] = ask.body.media_type
        if tag is not None:
            headers["If-None-Match"] = tag
        if last_id:
            headers["Last-Event-ID"] = last_id
        return headers


def settings(
    url: str, token: str, ca: Path | str | None, trust: ssl.SSLContext | None, timeout: float
) -> Settings:
    """Settings as users give them.

    Raises:
        ValueError: It is no URL.
        OSError: The authority's file cannot be read.
    """
    check_url(url)
    if ca is not None:
        trust = ssl.create_default_context(cafile=str(ca))
    return Settings(url=url.rstrip("/"), token=token, trust=trust, timeout=timeout)


def check_url(url: str) -> None:
    """Refuse what cannot be asked.

    Raises:
        ValueError: It is no URL.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of its port, or of brackets
        known = False
    if not known:
        raise ValueError(f"{url!r} is no URL of a fleet: write it as http://HOST:PORT")
