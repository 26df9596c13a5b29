"""All that is answered under /api/revp."""

from __future__ import annotations

from web.revp import changes, domains, drift, issues, labels, preview, proxies, routes

HANDLERS_OF_ROUTES = (
    routes.list_routes,
    routes.list_waiting,
    routes.list_conflicts,
    routes.list_routed_containers,
    issues.list_issues,
    domains.show_domain,
    changes.list_changes,
    drift.show_drift,
    labels.list_labels,
    preview.show_preview,
    changes.stream_changes,
    *proxies.PROXY_HANDLERS,
)
