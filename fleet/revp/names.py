"""Whether the names that static routes lead to are known to this machine's resolver."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping

import trio

TIMEOUT = 5.0  # seconds for one name
AT_A_TIME = 10


async def problems_of(addresses: Iterable[str]) -> Mapping[str, str]:
    """Ask for each name once, a few at a time.

    Returns:
        What is wrong, in words, by address; only of those that something is wrong with.
    """
    found: dict[str, str] = {}
    places = trio.CapacityLimiter(AT_A_TIME)

    async def check(name: str) -> None:
        async with places:
            if problem := await _problem(name):
                found[name] = problem

    async with trio.open_nursery() as nursery:
        for name in {address for address in addresses if not _is_ip(address)}:
            nursery.start_soon(check, name)
    return found


async def _problem(name: str) -> str | None:
    try:
        with trio.fail_after(TIMEOUT):
            await trio.socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except trio.TooSlowError:
        return f"the resolver did not answer within {TIMEOUT:g} s for {name}"
    except socket.gaierror as error:
        return f"{name} is not found: {error.strerror}"
    except UnicodeError:  # what no encoding of domain names takes
        return f"{name} is not a name that can be looked up"
    return None


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
