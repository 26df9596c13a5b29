"""Why a host cannot be reached, step by step: what `fleet doctor` shows.

For SSH this is a second opinion by an independent implementation, paramiko.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from config.models import Host, LocalHost, TcpHost
from connectors.doctor_local import examine_local
from connectors.doctor_ssh import examine_ssh
from connectors.doctor_step import Step
from connectors.doctor_tcp import examine_tcp

__all__ = ["Step", "examine"]


def examine(host: Host, environ: Mapping[str, str] = os.environ) -> Iterator[Step]:
    """Yield what each step on the way to a host's Engine finds, as it is found. Blocks.

    Ends after the last step, or after a failed one that makes the others moot. Each step is
    bounded by 10 s or the host's `connect_timeout`, whichever is shorter.
    """
    if isinstance(host, LocalHost):
        yield from examine_local(host)
    elif isinstance(host, TcpHost):
        yield from examine_tcp(host, environ)
    else:
        yield from examine_ssh(host, environ)
