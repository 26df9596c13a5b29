"""Which host or container a path means. Pure: the read model in, a document or a problem out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from web.documents import (
    ContainerDocument,
    HostDocument,
)
from web.history import Recorded
from web.problem_documents import (
    CandidateDocument,
)
from web.problems import Problem, bad_parameter
from web.read_model import ReadModel

MAX_NAMED = 20  # candidates listed in one answer


def find_host(model: ReadModel, name: str) -> HostDocument:
    """The host of this name.

    Raises:
        Problem: There is none (404, with what may have been meant).
    """
    host = model.host(name)
    if host is None:
        close = _close(name, (host.name for host in model.hosts()))
        detail = f"No host is called {name!r} in the configuration.{_did_you_mean(close)}"
        raise Problem("unknown-host", f"{detail} /api/hosts lists all.", suggestions=close)
    return host


def check_host_filter(model: ReadModel, names: Iterable[str]) -> None:
    """Refuse a filter on a host that does not exist, for it would look like an empty fleet.

    Raises:
        Problem: There is none of this name (400).
    """
    for name in dict.fromkeys(names):
        if model.host(name) is None:
            close = _close(name, (host.name for host in model.hosts()))
            raise bad_parameter("host", name, suggestions=close)


def find_container(model: ReadModel, ref: str, host: str | None = None) -> ContainerDocument:
    """The one container that `ref` means: its id, its name, or the beginning of its id.

    A whole id wins over a name, a name over the beginning of an id.

    Raises:
        Problem: There is none (404, with names like it), or several (409, listing them).
    """
    wanted = ref.removeprefix("/")  # the Engine writes names with a slash in front
    if host is not None:
        find_host(model, host)
    found = best(model.find(wanted, host), wanted)
    if not found:
        raise _unknown(model, wanted, host)
    if len(found) > 1:
        raise ambiguous(wanted, found)
    return found[0]


def best(found: Sequence[ContainerDocument], ref: str) -> Sequence[ContainerDocument]:
    """Of all that match somehow, those that match best."""
    by_id = [container for container in found if container.id == ref]
    by_name = [container for container in found if container.name == ref]
    return by_id or by_name or found


def _unknown(model: ReadModel, ref: str, host: str | None) -> Problem:
    close = _close(ref, (container.name for container in model.containers(host)))
    where = f"on host {host!r}" if host else "on any host"
    detail = f"No container {where} has the name or id {ref!r}.{_did_you_mean(close)}"
    if host is None and model.host(ref) is not None:
        detail += f" {ref!r} is a host: its containers are at /api/containers?host={ref}."
    return Problem("unknown-container", detail, suggestions=close)


def ambiguous(ref: str, found: Sequence[ContainerDocument] | Sequence[Recorded]) -> Problem:
    """The problem of a reference that means several containers."""
    candidates = [
        CandidateDocument(host=container.host, id=container.id, name=container.name)
        for container in found[:MAX_NAMED]
    ]
    return Problem(
        "ambiguous-container",
        f"{ref!r} means {len(found)} containers. Ask for HOST/NAME or a longer id.",
        candidates=candidates,
    )


def _close(name: str, names: Iterable[str]) -> list[str]:
    return get_close_matches(name, sorted(set(names)), n=3)


def _did_you_mean(close: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(close)}?" if close else ""
