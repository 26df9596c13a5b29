"""What a service of a Compose file publishes, in the short and the long syntax."""

from __future__ import annotations

import re
from typing import NamedTuple

from labels.facts import CHOSEN_LATER, Published
from labels.parsing.findings import Findings, quoted
from labels.parsing.values import BadValueError
from labels.preview.compose_tree import Node

MOST_PORTS = 1000  # of one service, ranges spread out
_SHORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9]+\.[0-9.]+):)?"
    r"(?:(?P<host>[0-9]{0,5}(?:-[0-9]{1,5})?):)?"
    r"(?P<container>[0-9]{1,5}(?:-[0-9]{1,5})?)"
    r"(?:/(?P<protocol>[a-zA-Z]+))?"
)
VARIABLE = re.compile(r"\$(?:\{|[A-Za-z_])")


class _Binding(NamedTuple):
    """Ports of a container, and of its host. `host` None: none is said."""

    container: range
    host: range | None = None
    host_ip: str = ""
    protocol: str = "tcp"


def read_ports(ports: Node, expose: Node, findings: Findings) -> tuple[Published, ...]:
    """All ports of a service; those only exposed have no port of the host.

    Raises:
        ComposeError: One is neither a text nor a mapping.
    """
    found: dict[Published, None] = {}
    for node in ports.items("ports"):
        try:
            binding = _long(node) if isinstance(node.value, dict) else _short(node.text("a port"))
            if binding.host is None:
                _tell_random(node, binding, findings)
            found |= dict.fromkeys(_spread(binding, CHOSEN_LATER))
        except BadValueError as error:
            _tell_bad(node, error, findings)
        _bound(found, node)
    for node in expose.items("expose"):
        try:
            exposed = _short(node.text("a port"))
            inside = _Binding(exposed.container, protocol=exposed.protocol)
            found |= dict.fromkeys(_spread(inside, None))
        except BadValueError as error:
            _tell_bad(node, error, findings)
        _bound(found, node)
    return tuple(found)


def _bound(found: dict[Published, None], node: Node) -> None:
    if len(found) > MOST_PORTS:
        raise node.error(f"there are more than {MOST_PORTS} ports")


def _short(text: str) -> _Binding:
    if VARIABLE.search(text):
        raise BadValueError(f"{quoted(text)} has a variable in it, which is filled in later")
    match = _SHORT.fullmatch(text)
    if match is None:
        raise BadValueError(f"{quoted(text)} does not say a port as [[ADDRESS:]HOST:]CONTAINER")
    container = _range(match["container"])
    return _Binding(
        container,
        _host(match["host"], container),
        (match["ip"] or "").strip("[]"),
        (match["protocol"] or "tcp").lower(),
    )


def _long(node: Node) -> _Binding:
    fields = node.fields("a port")
    said = {
        name: fields[name].text(name)
        for name in ("target", "published", "host_ip", "protocol")
        if name in fields
    }
    for text in said.values():
        if VARIABLE.search(text):
            raise BadValueError(f"{quoted(text)} has a variable in it, which is filled in later")
    container = _range(said.get("target", ""))
    return _Binding(
        container,
        _host(said.get("published"), container),
        said.get("host_ip", "").strip("[]"),
        said.get("protocol", "tcp").lower() or "tcp",
    )


def _host(text: str | None, container: range) -> range | None:
    """The host's ports. The Engine chooses one of them where there are more than it needs."""
    if not text or text == str(CHOSEN_LATER):
        return None
    host = _range(text)
    if len(host) == len(container):
        return host
    if len(container) == 1:
        return None
    raise BadValueError(f"{quoted(text)} are not as many ports as the container's")


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    ports = [first, last or first]
    if not all(port.isascii() and port.isdigit() and len(port) <= 5 for port in ports):
        raise BadValueError(f"{quoted(text)} is no port")
    found = range(int(ports[0]), int(ports[1]) + 1)
    if not found or found[0] < 1 or found[-1] > 65535:
        raise BadValueError(f"{quoted(text)} is no port")
    return found


def _spread(binding: _Binding, unsaid: int | None) -> list[Published]:
    if len(binding.container) > MOST_PORTS:
        raise BadValueError(f"{len(binding.container)} ports are more than {MOST_PORTS}")
    return [
        Published(
            container_port=port,
            protocol=binding.protocol,
            host_ip=binding.host_ip,
            host_port=binding.host[number] if binding.host else unsaid,
        )
        for number, port in enumerate(binding.container)
    ]


def _tell_random(node: Node, binding: _Binding, findings: Findings) -> None:
    findings.add(
        "compose-random-port",
        "info",
        f"Line {node.line}: the Engine chooses the host's port for {binding.container[0]} at each "
        "start.",
        "Proxies find it once the container runs.",
        key="ports",
    )


def _tell_bad(node: Node, error: BadValueError, findings: Findings) -> None:
    findings.add(
        "compose-bad-port",
        "warning",
        f"Line {node.line}: {error.reason}.",
        "It is left out.",
        key="ports",
        suggestion=error.suggestion,
    )
