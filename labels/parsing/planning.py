"""Decides which labels ask for routes: those of the whole container, or of each port."""

from __future__ import annotations

from typing import NamedTuple

from labels.parsing.findings import Findings
from labels.parsing.grouping import WHOLE, Group, Label
from labels.parsing.keys import BY_NAME, HEADER, Rules, normalized
from labels.parsing.terms import Terms
from labels.parsing.values import read_port


class Plan(NamedTuple):
    """Labels that ask for routes to one port."""

    port: int
    terms: Terms
    domain: Label


class Plans(NamedTuple):
    """All that one container's labels ask for. `disabled`: the label that says: nothing at all."""

    plans: tuple[Plan, ...] = ()
    disabled: Label | None = None


def planned(groups: dict[int, Group], rules: Rules, findings: Findings) -> Plans:
    """The labels of ports are plans of their own, in the order of the ports.

    Those of the whole container are one too if they have a domain, unless it is only there for
    ports that have none of their own.
    """
    if not groups:
        return Plans()  # why is told of
    whole = groups.get(WHOLE, {})
    ports = sorted(port for port in groups if port != WHOLE)
    asking = [port for port in (WHOLE, *ports) if port or "domain" in whole or not ports]
    terms = {port: Terms(groups[port] if port else {}, whole, rules, findings) for port in asking}
    enabled = [port for port in asking if terms[port].boolean("enabled", True)]
    off = [port for port in asking if port not in enabled]
    if off and not enabled:
        return Plans(disabled=terms[off[0]].find("enabled"))
    for port in off:
        if label := terms[port].find("enabled"):
            tell_disabled(label, findings)
    plans = []
    inheriting = []
    for port in ports:
        _tell_port_twice(port, groups[port], findings)
        domain = groups[port].get("domain")
        if domain is None and _speaks(groups[port]):
            inheriting.append(port)  # off or not, the container's domain is there for it
            domain = whole.get("domain")
        if port not in enabled:
            continue
        if domain is None:
            _tell_no_domain(f"{normalized(rules.prefix)}.{port}", findings)
        else:
            plans.append(Plan(port, terms[port], domain))
    if WHOLE in enabled:
        plans = [*_of_whole(terms[WHOLE], inheriting, findings), *plans]
    return Plans(tuple(plans))


def _of_whole(terms: Terms, inheriting: list[int], findings: Findings) -> list[Plan]:
    domain = terms.find("domain")
    if domain is None:
        _tell_no_domain(normalized(terms.rules.prefix), findings)
        return []
    port = terms.read("backend-port", read_port, 80)
    if inheriting and (port in inheriting or terms.find("backend-port") is None):
        return []
    return [Plan(port, terms, domain)]


def _speaks(group: Group) -> bool:
    """Whether there is more than unknown labels, which may be anything."""
    return any(name in BY_NAME or name.startswith(HEADER) for name in group)


def tell_disabled(label: Label, findings: Findings) -> None:
    """Routes are not wanted."""
    findings.add(
        "disabled",
        "info",
        "The labels are turned off.",
        "There is no route.",
        key=label.key,
        value=label.value,
    )


def _tell_no_domain(key: str, findings: Findings) -> None:
    findings.add(
        "no-domain",
        "error",
        "There are RevP labels, but none says the domain.",
        "There is no route.",
        key=key,
        suggestion=f"{key}.domain",
    )


def _tell_port_twice(port: int, group: Group, findings: Findings) -> None:
    label = group.get("backend-port")
    if label and label.value != str(port):
        findings.add(
            "port-twice",
            "warning",
            f"The port of this label is in its key: {port}.",
            "The port in the key is used.",
            key=label.key,
            value=label.value,
        )
