"""One bound for everything that happens before a way to an Engine is up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trio

from config.models import Host
from connectors.errors import UnreachableError


@dataclass
class Stage:
    """What a connect is doing at the moment, for the message when time runs out."""

    now: str = "connecting"


@contextmanager
def within_connect_timeout(host: Host, stage: Stage) -> Iterator[None]:
    """Bound the block by the host's `connect_timeout`.

    Raises:
        UnreachableError: time ran out; the message says at which stage.
    """
    timeout = host.monitoring.connect_timeout
    try:
        with trio.fail_after(timeout):
            yield
    except trio.TooSlowError as error:
        raise late_error(host, timeout, stage) from error


def late_error(host: Host, seconds: float, stage: Stage) -> UnreachableError:
    """Say at which stage the host fell silent."""
    return UnreachableError(
        host.name,
        f"no answer from {host.target} within {seconds:g} s while {stage.now}",
        "check that the host is up and that no firewall drops the packets",
    )
