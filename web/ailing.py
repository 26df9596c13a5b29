"""What is wrong with the containers of a host, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from web.documents import HostDocument, LoopingDocument


def ailments(host: HostDocument) -> Iterator[str]:
    """Nothing of a host that is not up: what is known of its containers is of the past."""
    if host.status != "up":
        return
    for one in host.looping:
        yield f"{one.name} on {host.name} restarts again and again: {ends_of(one)}"
    if more := host.containers.looping - len(host.looping):
        yield f"{more} more {_containers(more)} on {host.name} restart{'s' * (more == 1)} so"
    if count := host.containers.unhealthy - host.containers.looping:
        yield f"{host.name} has {count} unhealthy {_containers(count)}"


def ends_of(one: LoopingDocument) -> str:
    """`12 times in 10 minutes, exit code 3`."""
    code = "" if one.last_exit_code is None else f", exit code {one.last_exit_code}"
    return f"{one.ends_lately} times in 10 minutes{code}"


def _containers(count: int) -> str:
    return "container" if count == 1 else "containers"
