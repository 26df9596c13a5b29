"""The table of routes as targets of Prometheus, for its HTTP service discovery.

Targets are containers, to scrape their own metrics, or domains, for the blackbox exporter to probe.
Prometheus asks for the whole list each time, and keeps the old one if it gets anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from labels.model import Issue, Member, Route, Standing, Table, Value
from labels.render.document import Memo, Rendered
from labels.render.notes import Notes

PROBED: Final[frozenset[Standing]] = frozenset(
    {"up", "stale", "starting", "unhealthy", "paused", "off"}
)
"""Standings of containers that are there: one that is ill is not to vanish from alerts."""

_ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}|[0-9a-fA-F:.]{2,45}")
_encode = msgspec.json.Encoder().encode
_NO_LABEL = re.compile(r"[^A-Za-z0-9_]")


class Options(Value, frozen=True, kw_only=True):
    """Options of the list.

    Attributes:
        mode: `backends`: each container is a target, at its address; `domains`: each route is one,
            a URL that the blackbox exporter is to probe.
        metrics_path: Where containers tell their metrics.
    """

    mode: Literal["backends", "domains"] = "backends"
    metrics_path: Annotated[str, Meta(pattern=r"^/[\x21-\x7e]*$", max_length=255)] = "/metrics"


class Group(Value, frozen=True, kw_only=True):
    """A group of targets as Prometheus reads it: ours have one each."""

    targets: tuple[str]
    labels: dict[str, str]


class _Target(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One group; of those with the same `key` the first is taken, as it is the same process."""

    key: str
    domain: str
    group: Group
    body: bytes


class _Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    targets: tuple[_Target, ...] = ()
    issues: tuple[Issue, ...] = ()


class Renderer:
    """Makes lists for Prometheus; routes that did not change are not made again."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._memo: Memo[_Part] = Memo()

    def render(self, table: Table) -> Rendered:
        """The whole list, `[]` if there is nothing, and what it does not say."""
        routes = sorted(table.routes, key=_key)
        parts = self._memo.parts(routes, self._part)
        bodies = _merged(chain.from_iterable(part.targets for part in parts))
        return Rendered(
            body=b"[\n" + b",\n".join(bodies) + b"\n]\n" if bodies else b"[]\n",
            media_type="application/json",
            issues=tuple(chain.from_iterable(part.issues for part in parts)),
        )

    def _part(self, route: Route) -> _Part:
        if self._options.mode == "domains":
            return _domain(route)
        return _backends(route, self._options.metrics_path)


def _key(route: Route) -> tuple[str, str]:
    return route.domain, route.path


def _merged(targets: Iterable[_Target]) -> list[bytes]:
    """Each target once, though several domains may lead to it: it would be scraped as often."""
    first: dict[str, _Target] = {}
    again: dict[str, list[_Target]] = {}
    for target in targets:
        if first.setdefault(target.key, target) is not target:
            again.setdefault(target.key, []).append(target)
    if not again:
        return [target.body for target in first.values()]
    return [
        _together([target, *again[key]]) if key in again else target.body
        for key, target in first.items()
    ]


def _together(same: Sequence[_Target]) -> bytes:
    group = same[0].group
    domains = _listed(sorted({target.domain for target in same}))
    labels = group.labels | {"__meta_fleet_domains": domains}
    return msgspec.json.encode(Group(targets=group.targets, labels=labels))


def _listed(texts: Iterable[str]) -> str:
    """A list in one label, as Prometheus has them: `,a,b,` is matched by `.*,a,.*`."""
    joined = ",".join(texts)
    return f",{joined}," if joined else ""


def _target(key: str, domain: str, target: str, labels: dict[str, str]) -> _Target:
    filled = {name: value for name, value in labels.items() if value}
    group = Group(targets=(target,), labels=filled)
    return _Target(key=key, domain=domain, group=group, body=_encode(group))


def _backends(route: Route, metrics_path: str) -> _Part:
    notes = Notes("prometheus", route)
    targets = []
    for member in sorted(route.members, key=_name):
        if member.endpoint is None or member.standing not in PROBED:
            continue
        if not _ADDRESS.fullmatch(member.endpoint.address):
            message = f"{member.endpoint.address[:100]!r} is no address to connect to."
            notes.add("address", "error", message, "The container is left out.")
            continue
        address = member.endpoint.authority
        key = f"{route.settings.scheme}://{address} {member.host}/{member.container_id}"
        targets.append(
            _target(key, route.domain, address, _backend_labels(route, member, metrics_path))
        )
    if targets and route.settings.insecure_skip_verify and route.settings.scheme == "https":
        message = "Prometheus cannot be told for one target not to verify its certificate."
        action = "Scrapes fail, unless the job has `insecure_skip_verify` in `tls_config`."
        notes.add("insecure-skip-verify", "info", message, action)
    return _Part(targets=tuple(targets), issues=notes.issues)


def _name(member: Member) -> tuple[str, str]:
    return member.name, member.id


def _backend_labels(route: Route, member: Member, metrics_path: str) -> dict[str, str]:
    container = member.name.removeprefix(f"{member.host}/") if member.container_id else ""
    labels = {
        "__scheme__": route.settings.scheme,
        "__metrics_path__": metrics_path,
        "domain": route.domain,
        "path": route.path,
        "fleet_host": member.host,
        "container": container,
        "__meta_fleet_domains": _listed([route.domain]),
        "__meta_fleet_standing": member.standing,
        "__meta_fleet_identity": member.identity,
        "__meta_fleet_origin": member.origin,
        "__meta_fleet_title": member.title,
    }
    for name, text in member.extras:
        labels[f"__meta_fleet_extra_{_NO_LABEL.sub('_', name)}"] = text
    return labels


def _domain(route: Route) -> _Part:
    notes = Notes("prometheus", route)
    if route.domain.startswith("*."):
        message = f"{route.domain} stands for many names, none of which is known."
        notes.add("wildcard", "info", message, "It is not probed.")
        return _Part(issues=notes.issues)
    scheme = "https" if route.settings.https else "http"
    titles = sorted({member.title for member in route.members if member.title})
    labels = {
        "domain": route.domain,
        "path": route.path,
        "__meta_fleet_status": route.status,
        "__meta_fleet_hosts": _listed(sorted({m.host for m in route.members if m.host})),
        "__meta_fleet_title": titles[0] if titles else "",
    }
    url = f"{scheme}://{route.domain}{route.path}"
    return _Part(targets=(_target(url, route.domain, url, labels),), issues=notes.issues)
