"""One plain page: the health of all hosts, readable on a phone, without script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from string import Template
from urllib.parse import quote

from litestar import get
from litestar.response.base import ASGIResponse

from web.access.model import Access, access_of
from web.documents import FleetDocument, HostDocument
from web.sources import WebRequest, sources

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .4rem .6rem; text-align: left; vertical-align: top; }
tr { border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.up::before { content: "\\25cf "; color: #2a9d4a; }
.down::before { content: "\\25cf "; color: #d33; }
.connecting::before, .disabled::before { content: "\\25cb "; }
small { display: block; opacity: .75; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr, td { display: block; }
  td { padding: .1rem 0; }
  td[data-label]::before { content: attr(data-label) ": "; opacity: .75; }
}
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="15">
<title>$title</title>
<style>$style</style>
</head>
<body>
<h1>$title</h1>
$reasons
<table>
<thead><tr><th>Host</th><th>Status</th><th>Engine</th><th>Containers</th><th>CPU</th><th>Memory</th>
<th>Response</th></tr></thead>
<tbody>
$rows
</tbody>
</table>
<p>API: <a href="/api/fleet">fleet</a>, <a href="/api/hosts">hosts</a>,
<a href="/api/containers">containers</a>, <a href="/api/events">events</a>,
<a href="/api/stream/events">live events</a>, <a href="/api/docs">all of it, to try</a>,
<a href="/api/openapi.json">schema</a></p>
$people
<p><small>fleet $version, as of $now</small></p>
</body>
</html>
""")


@get("/", include_in_schema=False)
async def show_page(request: WebRequest) -> ASGIResponse:
    """The hosts and their health."""
    model = sources(request).model
    body = render(model.fleet(), model.hosts(), datetime.now(UTC), access_of(request))
    return ASGIResponse(body=body, media_type="text/html")


def render(
    fleet: FleetDocument, hosts: Sequence[HostDocument], now: datetime, access: Access | None = None
) -> str:
    """The page as HTML, for who asks; everything that is not ours is escaped."""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in fleet.reasons)
    return _PAGE.substitute(
        title=escape(f"fleet: {fleet.verdict}, {fleet.hosts_up} of {fleet.hosts} hosts up"),
        style=STYLE,
        reasons=f"<ul>{reasons}</ul>" if reasons else "",
        rows="\n".join(map(_row, hosts)) or '<tr><td colspan="7">No hosts configured.</td></tr>',
        people=_people(access),
        version=escape(fleet.version),
        now=_moment(now),
    )


def _people(access: Access | None) -> str:
    if access is None or access.kind != "session":
        return ""
    return (
        f'<p>Logged in as {escape(access.name)}: <a href="/account">account</a>, '
        '<a href="/logout">log out</a></p>'
    )


def _row(host: HostDocument) -> str:
    counts = host.containers
    containers = f"{counts.running} of {counts.total} running"
    if counts.unhealthy:
        containers += f", {counts.unhealthy} unhealthy"
    engine = host.engine.version if host.engine else "-"
    status = f"{host.status}<small>since {_moment(host.since)}</small>"
    if host.error is not None:
        status += f"<small>{escape(host.error.message)} {escape(host.error.hint)}</small>"
    if host.stale_since is not None:
        status += f"<small>figures of {_moment(host.stale_since)}</small>"
    return (
        f'<tr><td><a href="/api/hosts/{quote(host.name, safe="")}">{escape(host.name)}</a>'
        f"<small>{escape(host.target)}</small></td>"
        f'<td class="{host.status}">{status}</td>'
        f'<td data-label="Engine">{escape(engine)}</td>'
        f'<td data-label="Containers">{containers}</td>'
        f'<td data-label="CPU">{_figure(host.cpu_percent, 1, "%")}</td>'
        f'<td data-label="Memory">{_figure(host.memory_used, 1 << 20, " MiB")}</td>'
        f'<td data-label="Response">{_figure(host.response_ms, 1, " ms")}</td></tr>'
    )


def _figure(value: float | None, unit: int, name: str) -> str:
    return "-" if value is None else f"{value / unit:.1f}{name}"


def _moment(time: datetime) -> str:
    return f'<time datetime="{time.isoformat()}">{time:%Y-%m-%d %H:%M:%S} UTC</time>'
