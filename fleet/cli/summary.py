"""What `fleet status` says: the hosts, the program's own state, and one verdict. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from fleet.cli.view import View
from fleet.verdict import Verdict, verdict
from web.documents import FleetDocument, HostDocument


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet status --json`.

    Attributes:
        source: `fleet`: a running fleet told; `probe`: the hosts themselves were asked.
        where: The fleet's URL, or how many hosts were asked.
        verdict: Of the chosen hosts, and of the running fleet itself.
        reasons: Why the verdict is not `ok`.
        warnings: What is allowed but should stay before the operator's eyes.
        hosts: As in `/api/hosts`.
        fleet: As in `/api/fleet`; None when no fleet is running.
    """

    source: Literal["fleet", "probe"]
    where: str
    verdict: Verdict
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    hosts: list[HostDocument]
    fleet: FleetDocument | None


def summarise(view: View) -> Summary:
    """Judge a view of the chosen hosts."""
    fleet = view.fleet
    word, reasons = verdict(
        view.hosts,
        fleet.config if fleet else None,
        fleet.storage if fleet else None,
        fleet.routes if fleet else None,
        fleet.certificate if fleet else None,
    )
    if fleet is not None and fleet.stale_since is not None:
        # Its first reason says so: what serves it has not heard of the one that watches.
        word, reasons = ("degraded" if word == "ok" else word), (*fleet.reasons[:1], *reasons)
    warnings = [f"{host.name}: {text}" for host in view.hosts for text in host.warnings]
    return Summary(
        source=view.origin,
        where=view.where,
        verdict=word,
        reasons=reasons,
        warnings=tuple(dict.fromkeys([*warnings, *view.warnings])),
        hosts=view.hosts,
        fleet=fleet,
    )
