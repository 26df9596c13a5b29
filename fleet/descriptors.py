"""How many files and sockets this process may have open."""

from __future__ import annotations

import logging
import resource
from collections.abc import Iterable

from config.models import Host, SshHost

log = logging.getLogger(__name__)

OWN = 200  # database, web clients, files
A_HOST = 10  # its events, ping, and a few requests at a time
AN_SSH_HOST = 2 * A_HOST + 1  # both ends of its tunnel are ours


def needed(hosts: Iterable[Host]) -> int:
    """About how many descriptors these hosts take in quiet times."""
    return OWN + sum(AN_SSH_HOST if isinstance(host, SshHost) else A_HOST for host in hosts)


def raise_limit(hosts: Iterable[Host]) -> None:
    """Take all that the system allows, and warn where that does not fit the hosts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = needed(hosts)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        log.warning(
            "this process may open %d files, and so many hosts need about %d: raise the limit "
            "(ulimit -Hn, or LimitNOFILE= of a service)",
            hard,
            wanted,
        )
