"""All that is known of a domain, from the table of routes itself."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from labels.model import Change
from web.revp.describing import describe_change, describe_container
from web.revp.domains import describe_domain
from web.revp.explaining import Explained, speaks
from web.revp.selecting import RouteFilter, container_test
from web.routing import Routing


def explain_domain(routing: Routing, domain: str, changes: Sequence[Change]) -> Explained:
    """All that is known of a domain.

    Args:
        routing: The routes, as who asks sees them.
        domain: As the table writes it.
        changes: The latest of all, newest last.
    """
    table = routing.table()
    known = describe_domain(domain, table, changes)
    covered = None
    if (known is None or not known.routes) and not domain.startswith("*."):
        covered = describe_domain(f"*.{domain.partition('.')[2]}", table, changes)
    names = tuple(found.domain for found in (known, covered) if found is not None)
    test = container_test(RouteFilter(domains=names))
    asking = [each for each in routing.containers() if test(each)] if names else []
    speaking = [] if asking else [one for one in routing.containers() if speaks(one.labels, domain)]
    nothing = not (known or covered or speaking)
    all_domains = sorted({route.domain for route in table.routes}) if nothing else ()
    return Explained(
        domain=domain,
        complete=table.complete,
        missing=table.missing,
        known=known,
        covered=covered,
        containers=tuple(map(describe_container, asking)),
        speaking=tuple(map(describe_container, speaking)),
        changes=tuple(describe_change(change) for change in changes if change.domain == domain),
        meant=tuple(get_close_matches(domain, all_domains, n=3)),
    )
