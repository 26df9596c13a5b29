"""Tells the service manager that started this program how it is: the protocol of sd_notify(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import NoReturn

import trio


class Readiness:
    """Sends states to the socket that the manager named; nothing where it named none.

    Args:
        environ: `NOTIFY_SOCKET` is a path, or a name in the abstract namespace after an `@`;
            `WATCHDOG_USEC` how often the manager wants a sign of life, at least.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._watchdog = _watchdog_seconds(environ)

    def tell(self, *states: str) -> None:
        """Send states such as `READY=1`. A manager that does not listen is no reason to end."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as there:
            there.setblocking(False)
            try:
                there.sendto("\n".join(states).encode(), self._address)
            except OSError:
                return

    async def live(self) -> NoReturn:
        """Give signs of life, twice as often as is wanted, from the loop that does all work."""
        while True:
            if self._watchdog is None:
                await trio.sleep_forever()
            self.tell("WATCHDOG=1")
            await trio.sleep(self._watchdog / 2)


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    wanted, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not wanted.isdecimal() or int(wanted) == 0:
        return None
    is_ours = process in ("", str(os.getpid()))
    return int(wanted) / 1e6 if is_ours else None
