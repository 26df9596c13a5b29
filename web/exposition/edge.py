"""What the edge refused, as metrics; clients themselves are in no label."""

from __future__ import annotations

from web.exposition.text import Family
from web.limits.edge import Edge


def edge_families(edge: Edge) -> list[Family]:
    """Connections, what was refused, and how many clients are known."""
    counts = edge.counts
    clients = (("requests", len(edge.requests)), ("credentials", len(edge.lockouts)))
    return [
        Family("fleet_http_connections", "gauge", "Open connections of clients.").add(counts.open),
        Family(
            "fleet_http_connections_refused",
            "counter",
            "Connections of clients that were ended early, by reason.",
        ).add_each("reason", counts.turned.items()),
        Family(
            "fleet_http_requests_limited",
            "counter",
            "Requests answered with 429: too many, or wrong credentials before.",
        ).add_each("reason", counts.limited.items()),
        Family(
            "fleet_http_lockouts",
            "counter",
            "Times that a client was told to wait as its credentials were wrong again and again.",
        ).add(edge.lockouts.count),
        Family("fleet_http_clients", "gauge", "Clients that are remembered.").add_each(
            "for", clients
        ),
    ]
