"""A route that may be guarded by what a proxy lacks is not served unguarded."""

from __future__ import annotations

import pytest

from labels.model import Settings
from labels.render.formats import FORMATS
from tests.labels.render.tables import member, route, table

GUARDED = table(
    route(
        "a.example",
        member("h/a", "10.1.2.3"),
        settings=Settings(middlewares=("auth",), https=False),
    )
)


@pytest.mark.parametrize("name", ["caddy", "haproxy", "nginx"])
def test_middlewares_that_a_proxy_lacks_close_the_route(name: str) -> None:
    made = FORMATS[name]
    closed = made.renderer(made.options()).render(GUARDED)
    assert b"10.1.2.3" not in closed.body
    assert b"a.example" in closed.body
    (issue,) = [issue for issue in closed.issues if issue.code == f"{name}-middlewares"]
    assert issue.severity == "error"
    assert "skip_middlewares" in issue.action

    options = made.options(skip_middlewares=True)
    opened = made.renderer(options).render(GUARDED)
    assert b"10.1.2.3" in opened.body
    (issue,) = [issue for issue in opened.issues if issue.code == f"{name}-middlewares"]
    assert issue.severity == "warning"


def test_traefik_closes_it_by_itself() -> None:
    made = FORMATS["traefik"]
    assert b'"auth@file"' in made.renderer(made.options()).render(GUARDED).body
