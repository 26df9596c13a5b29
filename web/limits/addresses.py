"""Who a client is, by its address: what counts as one, and whose word is taken for another's."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
UNKNOWN = "unknown"  # who comes by a Unix socket, which has no addresses
UNIX = "unix"  # what stands for those among trusted proxies
_ONE_SITE = 64  # bits of an IPv6 address that one customer has alone (RFC 6177)
_REMEMBERED = 4096  # addresses that were read lately
_MOST_HOPS = 20  # of X-Forwarded-For that are read, from the right


class Origin(NamedTuple):
    """Where a request comes from: the client's address, and the scheme that it asked with."""

    address: str
    scheme: str


@lru_cache(_REMEMBERED)
def parsed(text: str) -> IpAddress | None:
    """An address, an IPv4 one written as IPv6 as what it is; None for anything else."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(_REMEMBERED)
def client_key(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the /64 that an IPv6 address is in."""
    found = parsed(address)
    if found is None:
        return UNKNOWN
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, _ONE_SITE), strict=False))
    return str(found)


@lru_cache(_REMEMBERED)
def is_local(address: str) -> bool:
    """Whether it is an address of this machine's loopback, or a Unix socket's."""
    found = parsed(address)
    return address == UNKNOWN if found is None else found.is_loopback


class TrustedProxies:
    """Proxies that are believed when they say whom they ask for.

    Args:
        networks: Addresses and networks: `10.0.0.5`, `10.0.0.0/8`, `fd00::/8`; and `unix` for
            whoever comes by a Unix socket.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._by_socket = UNIX in networks
        self._networks: tuple[IpNetwork, ...] = tuple(
            ipaddress.ip_network(each, strict=False) for each in networks if each != UNIX
        )

    def __contains__(self, address: str) -> bool:
        """Whether that address is one of theirs."""
        found = parsed(address)
        if found is None:
            return self._by_socket and address == UNKNOWN
        return any(found in network for network in self._networks)

    def origin(self, peer: str, scheme: str, headers: Sequence[tuple[bytes, bytes]]) -> Origin:
        """Who really asks.

        Each proxy adds at the right whom it was asked by, so from the right the first address that
        is no trusted proxy's is the client's; what is left of it anybody may have made up.
        """
        if peer not in self:
            return Origin(peer, scheme)
        said = _last(headers, b"x-forwarded-proto")
        return Origin(self._client(peer, headers), said if said in ("http", "https") else scheme)

    def _client(self, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        hops = ",".join(_values(headers, b"x-forwarded-for")).split(",")
        client = peer
        for hop in reversed(hops[-_MOST_HOPS:]):
            found = parsed(_without_port(hop.strip()))
            if found is None:
                return client  # what is left of it is of no known origin
            client = str(found)
            if client not in self:
                return client
        return client


def _values(headers: Sequence[tuple[bytes, bytes]], wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name == wanted]


def _last(headers: Sequence[tuple[bytes, bytes]], wanted: bytes) -> str:
    return ",".join(_values(headers, wanted)).rpartition(",")[2].strip().lower()


def _without_port(hop: str) -> str:
    """`10.0.0.5:4711` and `[::1]:4711` without the port that some proxies write too."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
