"""Reads a Compose file as far as routes go: the services' labels, and what they publish."""

from __future__ import annotations

from labels.facts import Facts
from labels.model import Issue, Value
from labels.parsing.findings import Findings
from labels.parsing.keys import Rules
from labels.parsing.spotting import spots
from labels.preview.compose_ports import VARIABLE, read_ports
from labels.preview.compose_tree import ComposeError, Node, read_tree

__all__ = ["Compose", "ComposeError", "Service", "read_compose"]

MOST_SERVICES = 300
_MOST_REPLICAS = 20
_NOTHING = Node(None, 0, 0)
_RULES = Rules()


class Service(Value, frozen=True, kw_only=True):
    """One service, and its containers as an Engine would tell of them if all ran.

    What only an Engine knows is made up: ids, and as the addresses of containers their names.
    """

    name: str
    labels: dict[str, str]
    containers: tuple[Facts, ...]
    issues: tuple[Issue, ...] = ()


class Compose(Value, frozen=True, kw_only=True):
    """A Compose file. `project` is empty if the file does not name it."""

    project: str
    services: tuple[Service, ...]
    issues: tuple[Issue, ...] = ()


def read_compose(text: str, host: str = "", rules: Rules = _RULES) -> Compose:
    """All services in the order of the file, as they would run on a host.

    Variables are left as they are. Other files (`include`, `extends`, `env_file`, `label_file`)
    are not read, and told of where labels or ports may come from there.

    Raises:
        ComposeError: It is no Compose file, or too much.
    """
    root = read_tree(text).fields("a Compose file")
    if "services" not in root:
        raise ComposeError("there is nothing called `services` in it")
    project = root.get("name", _NOTHING).text("name")
    findings = Findings(host, "")
    if "include" in root:
        _tell_elsewhere("include", root["include"], findings)
    services = root["services"].fields("services")
    if len(services) > MOST_SERVICES:
        raise root["services"].error(f"there are more than {MOST_SERVICES} services")
    reading = _Reading(project, host, rules)
    return Compose(
        project=project,
        services=tuple(reading.service(name, node) for name, node in services.items()),
        issues=findings.told(),
    )


class _Reading:
    """Reads the services of one file."""

    def __init__(self, project: str, host: str, rules: Rules) -> None:
        self._project = project
        self._host = host
        self._rules = rules

    def service(self, name: str, node: Node) -> Service:
        """One service."""
        said = node.fields(f"the service {name}")
        findings = Findings(self._host, name)
        labels = _labels(said.get("labels", _NOTHING))
        self._tell_labels(labels, said, findings)
        for elsewhere in ("extends", "label_file"):
            if elsewhere in said:
                _tell_elsewhere(elsewhere, said[elsewhere], findings)
        return Service(
            name=name,
            labels=labels,
            containers=self._containers(name, labels, said, findings),
            issues=findings.told(),
        )

    def _tell_labels(
        self, labels: dict[str, str], said: dict[str, Node], findings: Findings
    ) -> None:
        for key, _ in spots(labels, self._rules.prefix):
            if VARIABLE.search(labels[key].replace("$$", "")):
                findings.add(
                    "compose-variable",
                    "warning",
                    "The value has a variable, which Compose fills in from its environment.",
                    "It is read as it stands.",
                    key=key,
                    value=labels[key],
                )
            labels[key] = labels[key].replace("$$", "$")
        deployed = said.get("deploy", _NOTHING).fields("deploy").get("labels", _NOTHING)
        if spots(_labels(deployed), self._rules.prefix):
            findings.add(
                "compose-deploy-labels",
                "info",
                f"Line {deployed.line}: labels in `deploy` are of the service in a swarm; "
                "containers do not get them.",
                "They are ignored.",
                key="deploy.labels",
                suggestion="labels",
            )

    def _containers(
        self, name: str, labels: dict[str, str], said: dict[str, Node], findings: Findings
    ) -> tuple[Facts, ...]:
        ports = read_ports(said.get("ports", _NOTHING), said.get("expose", _NOTHING), findings)
        mode = said.get("network_mode", _NOTHING).text("network_mode")
        if mode.startswith(("service:", "container:")):
            findings.add(
                "compose-shared-network",
                "warning",
                f"The containers use the network of another one ({mode}).",
                "They have no ports of their own: put the labels where the ports are published.",
                key="network_mode",
                value=mode,
            )
        named = said.get("container_name", _NOTHING).text("container_name")
        replicas = _replicas(said, findings)
        if replicas > 1 and any(port.host_port for port in ports):
            findings.add(
                "compose-port-clash",
                "warning",
                f"{replicas} containers publish the same port of the host; one of them can.",
                "All are shown with it.",
                key="ports",
            )
        prefix = f"{self._project}-" if self._project else ""
        names = [named or f"{prefix}{name}-{number + 1}" for number in range(replicas)]
        alone = mode in {"none", "host"} or ":" in mode
        return tuple(
            Facts(
                host=self._host,
                id=f"{prefix}{name}-{number}",
                name=container,
                identity=f"compose:{self._project}/{name}/{number}",
                labels=labels,
                state="running",
                host_network=mode == "host",
                ports=() if alone else ports,
                addresses=() if alone else (container,),
            )
            for number, container in enumerate(names, start=1)
        )


def _labels(node: Node) -> dict[str, str]:
    """Labels as a list of `KEY=VALUE`, or as a mapping."""
    if isinstance(node.value, list):
        pairs = [item.text("a label").partition("=") for item in node.value]
        return {key: value for key, _, value in pairs}
    return {key: value.text(f"the label {key}") for key, value in node.fields("labels").items()}


def _replicas(said: dict[str, Node], findings: Findings) -> int:
    deploy = said.get("deploy", _NOTHING).fields("deploy")
    node = said.get("scale") or deploy.get("replicas", _NOTHING)
    text = node.text("the number of containers")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return 1
    wanted = int(text)
    if wanted > _MOST_REPLICAS:
        findings.add(
            "compose-replicas",
            "info",
            f"{wanted} containers are wanted.",
            f"{_MOST_REPLICAS} of them are shown.",
            key="scale",
            value=text,
        )
    return min(wanted, _MOST_REPLICAS)


def _tell_elsewhere(key: str, node: Node, findings: Findings) -> None:
    findings.add(
        "compose-elsewhere",
        "warning",
        f"Line {node.line}: `{key}` names something that is not in this file.",
        "It is not read: labels and ports that come from there are missing.",
        key=key,
    )
