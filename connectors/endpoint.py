"""Where an Engine answers once its connector has done its part."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


async def _for_ever() -> str:
    import trio

    await trio.sleep_forever()
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class Endpoint:
    """A place that new HTTP connections to one Engine can be opened to.

    Exactly one of `uds` and `address` is set. `lost` waits until the way to the host itself is
    known to be gone (an SSH connection that ended) and returns why; it never returns for
    transports that have no connection of their own. More than `max_connections` at once only wait
    for each other (sessions of one SSH connection are few); None leaves the number to the pool.
    `place` is for people, where the address here would tell them nothing. `run` runs a program
    with its arguments on the host and returns what it wrote, or raises `CommandError`; None where
    there is no way to (only SSH has one).
    """

    host: str
    uds: Path | None = None
    address: tuple[str, int] | None = None
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    via: str = "direct"  # "direct", "streamlocal" or "dial-stdio": how it is reached, for people
    max_connections: int | None = None
    place: str = ""
    lost: Callable[[], Awaitable[str]] = _for_ever
    run: Callable[[Sequence[str]], Awaitable[str]] | None = None
