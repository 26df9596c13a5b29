"""Puts the RevP labels of a container in order: by port and name, one of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from labels.parsing.findings import Findings, quoted
from labels.parsing.keys import BY_NAME, HEADER, normalized
from labels.parsing.spotting import Spot, spots
from labels.parsing.suggest import known_name
from labels.parsing.values import port_within

MOST_LABELS = 256
_MOST_LOOKALIKES = 20
WHOLE = 0  # stands for the port of labels that are about the whole container


class Label(NamedTuple):
    """The label that was chosen for a name. `value` is without space around it."""

    key: str
    value: str
    extra: bool  # it has no meaning for proxies


Group = dict[str, Label]  # by name


def grouped(labels: Mapping[str, str], prefix: str, findings: Findings) -> dict[int, Group] | None:
    """What is said of each port, and of the whole container (`WHOLE`); None: nothing by RevP."""
    found = spots(labels, prefix)
    if not found:
        return None
    start = normalized(prefix).strip(".")
    ours = [(key, spot) for key, spot in found if spot.kind != "lookalike"]
    if len(ours) < len(found):
        _tell_lookalikes(sorted(pair for pair in found if pair[1].kind == "lookalike"), findings)
    if not ours:
        return None
    if len(ours) > MOST_LABELS:
        findings.add(
            "too-many-labels",
            "error",
            f"There are {len(ours)} RevP labels; up to {MOST_LABELS} are read.",
            "All of them are ignored.",
        )
        return {}
    groups: dict[int, Group] = {}
    for key, spot in sorted(ours, key=_rank):
        if spot.kind in {"known", "unknown"}:
            _choose(groups.setdefault(spot.port, {}), key, labels[key].strip(), spot, findings)
        else:
            _tell_unusable(key, labels[key], spot, start, findings)
        if spot.kind == "unknown":
            _tell_unknown(key, labels[key], spot, start, findings)
    return groups


def _rank(found: tuple[str, Spot]) -> tuple[bool, bool, str]:
    """The best spelling of a name first, then by the alphabet."""
    key, spot = found
    return (not spot.plain, not spot.exact, key)


def _choose(group: Group, key: str, value: str, spot: Spot, findings: Findings) -> None:
    winner = group.get(spot.name)
    if winner is None:
        known = BY_NAME.get(spot.name)
        extra = known.kind == "extra" if known else not spot.name.startswith(HEADER)
        group[spot.name] = Label(key, value, extra)
    elif winner.value != value:
        findings.add(
            "key-twice",
            "warning",
            f"{quoted(winner.key)} says something else, and means the same label.",
            f"The value of {quoted(winner.key)} is used.",
            key=key,
            value=value,
        )


def _tell_lookalikes(found: Iterable[tuple[str, Spot]], findings: Findings) -> None:
    for key, spot in list(found)[:_MOST_LOOKALIKES]:
        findings.add(
            "prefix-lookalike",
            "info",
            "This is nearly a RevP label, but its prefix is another.",
            "It is ignored.",
            key=key,
            suggestion=spot.name,
        )


def _tell_unknown(key: str, value: str, spot: Spot, start: str, findings: Findings) -> None:
    meant = known_name(spot.name) if spot.name else None
    behind = f"{spot.port}." if spot.port else ""
    findings.add(
        "unknown-label",
        "warning",
        f"No RevP label is called {quoted(spot.name)}.",
        "It is kept with the extras, and means nothing to proxies.",
        key=key,
        value=value,
        suggestion=f"{start}.{behind}{meant}" if meant else None,
    )


def _tell_unusable(key: str, value: str, spot: Spot, start: str, findings: Findings) -> None:
    match spot.kind:
        case "no-port":
            port = port_within(spot.note)
            findings.add(
                "bad-label-port",
                "error" if spot.name == "domain" else "warning",
                f"{quoted(spot.note)} stands where a port should: PREFIX.8080.NAME, 1 to 65535.",
                "The label is ignored.",
                key=key,
                value=value,
                suggestion=f"{start}.{port}.{spot.name}" if port else None,
            )
        case "bad-header":
            findings.add(
                "bad-header",
                "warning",
                f"{spot.note}. Allowed: {BY_NAME['headers.NAME'].values}.",
                "The header is left out.",
                key=key,
                value=value,
            )
        case _:
            findings.add(
                "key-too-long",
                "warning",
                f"This RevP label's key is {len(key)} characters long.",
                "It is ignored.",
                key=key,
                value=value,
            )
