"""Whether the names that static routes lead to are known to this machine's resolver.

A resolver that fails says nothing of a name: it stays what it was. A name that was found counts as
missing once it was missed twice.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Collection

import trio

log = logging.getLogger(__name__)

TIMEOUT = 5.0  # seconds for one name
AT_A_TIME = 10
EVERY = 60.0  # seconds between two looks
SOON = 10.0  # seconds until the second look for a name that was missed
_MISSING = frozenset((socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)))


class Names:
    """What is wrong with names.

    Attributes:
        problems: By name, in words.
    """

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        self._found: set[str] = set()
        self._failing: set[str] = set()  # the resolver fails, as was said

    async def look(self, addresses: Collection[str]) -> float:
        """Ask for each name, a few at a time; returns the seconds until the next look."""
        names = {address for address in addresses if not _is_ip(address)}
        self.problems = {name: text for name, text in self.problems.items() if name in names}
        self._found &= names
        self._failing &= names
        missed: list[str] = []
        places = trio.CapacityLimiter(AT_A_TIME)

        async def check(name: str) -> None:
            async with places:
                if await self._misses(name):
                    missed.append(name)

        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(check, name)
        return SOON if missed else EVERY

    async def _misses(self, name: str) -> bool:
        """Look for one name; returns whether it was missed for the first time."""
        try:
            with trio.fail_after(TIMEOUT):
                await trio.socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (trio.TooSlowError, OSError, UnicodeError) as error:
            if not _is_missing(error):
                self._tell_failing(name, str(error) or f"no answer within {TIMEOUT:g} s")
            elif name in self._found:
                self._found.discard(name)
                return True
            else:
                self.problems[name] = "the name is not found"
            return False
        self._found.add(name)
        self._failing.discard(name)
        self.problems.pop(name, None)
        return False

    def _tell_failing(self, name: str, why: str) -> None:
        if name not in self._failing:
            self._failing.add(name)
            log.warning("static routes: it is not known whether %s is found: %s", name, why)


def _is_missing(error: Exception) -> bool:
    """Whether there is no such name for certain: nothing else went wrong."""
    return isinstance(error, UnicodeError) or (
        isinstance(error, socket.gaierror) and error.errno in _MISSING
    )


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
