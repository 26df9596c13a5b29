"""Where a proxy reaches a container: from what is known of it and its host. Never a guess."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from labels.facts import CHOSEN_LATER, Facts, Place, Published
from labels.model import Endpoint, Issue, Step, Value, Wish

_ALL = frozenset(("", "0.0.0.0", "::"))  # noqa: S104 - read, never bound to


class Resolution(Value, frozen=True, kw_only=True):
    """What came of the search: every way that was looked at, in order, up to the one taken."""

    endpoint: Endpoint | None = None
    trace: tuple[Step, ...] = ()
    issue: Issue | None = None


class _Binding(NamedTuple):
    """Where one published port is reached from elsewhere; the least is the best."""

    rank: int  # all addresses before one of them, those of this machine alone last
    other_family: bool
    address: str
    port: int


def resolve(facts: Facts, place: Place | None, wish: Wish) -> Resolution:
    """Find where proxies reach `wish` of a container that runs.

    Args:
        facts: The container.
        place: Its host; None while nobody has told where that is.
        wish: What is to be reached.

    Returns:
        An endpoint, or an issue that names what was tried and what could have been meant.
    """
    trace = []
    for step, endpoint in _ways(facts, place, wish):
        trace.append(step)
        if endpoint is not None:
            return Resolution(endpoint=endpoint, trace=tuple(trace))
    return Resolution(trace=tuple(trace), issue=_issue(facts, place, wish, trace))


def _ways(facts: Facts, place: Place | None, wish: Wish) -> Iterator[tuple[Step, Endpoint | None]]:
    if wish.backend_host:
        reason = f"the labels name the host {wish.backend_host}"
        endpoint = Endpoint(address=wish.backend_host, port=wish.port)
        yield Step(way="override", taken=True, reason=reason), endpoint
    yield _host_network(facts, place, wish)
    if not facts.host_network:
        yield _published(facts, place, wish)
        yield _container_ip(facts, place, wish)


def _host_network(facts: Facts, place: Place | None, wish: Wish) -> tuple[Step, Endpoint | None]:
    if not facts.host_network:
        reason = "the container has a network of its own"
    elif place is None or not place.address:
        reason = _no_address(facts)
    else:
        reason = f"the container's ports are those of {place.name}"
        endpoint = Endpoint(address=place.address, port=wish.port)
        return Step(way="host-network", taken=True, reason=reason), endpoint
    return Step(way="host-network", taken=False, reason=reason), None


def _published(facts: Facts, place: Place | None, wish: Wish) -> tuple[Step, Endpoint | None]:
    bound = [port for port in _bound(facts) if port.container_port == wish.port]
    if not bound:
        reason = _why_unpublished(facts, wish)
    elif place is None or not place.address:
        reason = _no_address(facts)
    elif not (found := sorted(filter(None, (_binding(port, place) for port in bound)), key=_last)):
        reason = f"{wish.port}/tcp is published on {_texts(bound)} only: loopback of {place.name}"
    else:
        best = found[0]
        reason = f"{wish.port}/tcp is published on port {best.port} of {best.address}"
        if best.port == CHOSEN_LATER:
            where = f"a port of {best.address} that the Engine chooses at the start"
            reason = f"{wish.port}/tcp is published on {where}"
        endpoint = Endpoint(address=best.address, port=best.port)
        return Step(way="published", taken=True, reason=reason), endpoint
    return Step(way="published", taken=False, reason=reason), None


def _container_ip(facts: Facts, place: Place | None, wish: Wish) -> tuple[Step, Endpoint | None]:
    if place is None or not place.container_ip:
        reason = f"{facts.host} is not configured as one whose containers proxies reach directly"
    elif not facts.addresses:
        reason = "the container has no address of its own"
    else:
        endpoint = Endpoint(address=facts.addresses[0], port=wish.port)
        reason = f"proxies reach the containers of {facts.host} directly"
        return Step(way="container-ip", taken=True, reason=reason), endpoint
    return Step(way="container-ip", taken=False, reason=reason), None


def _binding(port: Published, place: Place) -> _Binding | None:
    """How good a binding is; None if it cannot be reached from where proxies are."""
    if port.host_port is None:
        return None
    six = _is_six(place.address)
    if port.host_ip in _ALL:
        # Host ports of IPv4 and IPv6 differ where the Engine chose them.
        other = port.host_ip != "" and (port.host_ip == "::") != six
        return _Binding(0, other, place.address, port.host_port)
    other = _is_six(port.host_ip) != six
    if not _is_loopback(port.host_ip):
        return _Binding(1, other, port.host_ip, port.host_port)
    return _Binding(2, other, port.host_ip, port.host_port) if place.local else None


def _last(binding: _Binding) -> tuple[bool, _Binding]:
    """What is not known yet comes last."""
    return binding.port == CHOSEN_LATER, binding


def _bound(facts: Facts) -> Iterator[Published]:
    return (p for p in facts.ports if p.protocol == "tcp" and p.host_port is not None)


def _is_six(address: str) -> bool:
    return ":" in address


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _no_address(facts: Facts) -> str:
    return f"no address of the host {facts.host} is known"


def _texts(ports: Sequence[Published]) -> str:
    texts = {f"[{p.host_ip}]" if _is_six(p.host_ip) else p.host_ip for p in ports}
    return " and ".join(sorted(texts))


def _why_unpublished(facts: Facts, wish: Wish) -> str:
    if any(p.container_port == wish.port and p.host_port is not None for p in facts.ports):
        return f"{wish.port} is published, but not for TCP"
    others = _listed(sorted({p.container_port for p in _bound(facts)}))
    if others:
        return f"{others} published, {wish.port} is not"
    return f"{wish.port}/tcp is not published, nor is any other port"


def _listed(ports: Sequence[int]) -> str:
    """`8080 is`, `80 and 443 are`, `1, 2, 3 and 5 more are`."""
    if len(ports) < 2:
        return "".join(f"{port} is" for port in ports)
    shown, more = ports[:5], len(ports) - 5
    last = f"{more} more" if more > 0 else str(shown[-1])
    first = shown if more > 0 else shown[:-1]
    return f"{', '.join(map(str, first))} and {last} are"


def _issue(facts: Facts, place: Place | None, wish: Wish, trace: Sequence[Step]) -> Issue:
    why = "; ".join(step.reason for step in trace if step.way != "host-network")
    if facts.host_network:
        why = trace[-1].reason
    return Issue(
        code="no-endpoint",
        severity="error",
        message=f"No proxy can reach port {wish.port} of {facts.host}/{facts.name}: {why}.",
        action="It gets no requests until the port is published where proxies reach it.",
        host=facts.host,
        container=facts.name,
        value=str(wish.port),
        suggestion=_suggestion(facts, place, wish),
        domain=wish.domain,
    )


def _suggestion(facts: Facts, place: Place | None, wish: Wish) -> str | None:
    """The port that was probably meant: the one published on that port, or the only one."""
    if place is None:
        return None
    reachable = [port for port in _bound(facts) if _binding(port, place) is not None]
    inside = {p.container_port for p in reachable if p.host_port == wish.port}
    for ports in (inside, {p.container_port for p in reachable}):
        if len(ports) == 1 and wish.port not in ports:
            return str(*ports)
    return None
