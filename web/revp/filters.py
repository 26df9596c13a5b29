"""The filter that a query asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from web.finding import check_host_filter
from web.revp.selecting import RouteFilter, canonical_domain
from web.selection import has_labels, parse_labels
from web.sources import WebRequest, require_routing, sources


def read_filter(
    request: WebRequest,
    host: Sequence[str] | None,
    label: Sequence[str] | None,
    domain: Sequence[str] | None,
) -> RouteFilter:
    """The filter that a query asks for.

    Raises:
        Problem: A host is not in the configuration (400).
    """
    check_host_filter(sources(request).model, host or ())
    hosts = frozenset(host) if host else sources(request).hosts
    if label:
        labelled = _labelled(require_routing(request).host_labels(), label)
        hosts = labelled if hosts is None else hosts & labelled
    return RouteFilter(hosts=hosts, domains=tuple(sorted(set(map(canonical_domain, domain or ())))))


def _labelled(labels: Mapping[str, Mapping[str, str]], wanted: Sequence[str]) -> frozenset[str]:
    pairs = parse_labels(wanted)
    return frozenset(host for host, own in labels.items() if has_labels(own, pairs))
