"""How domains fare over all their paths."""

from __future__ import annotations

from msgspec.structs import replace

from labels.health import by_domain
from tests.labels.render.tables import member, route, table
from tests.labels.telling import START

UP = member("edge/up", "10.0.0.5")
SICK = member("edge/sick", "10.0.0.5", 81, standing="unhealthy")
OFF = member("edge/off", "10.0.0.5", 82, standing="off", weight=0)


def test_domain_is_up_or_down_only_if_all_its_routes_are() -> None:
    routes = table(
        route("down.example", SICK),
        route("half.example", UP),
        route("half.example", SICK, path="/api"),
        route("part.example", UP, SICK, OFF),
        route("up.example", UP, OFF),
        route("up.example", UP, path="/x"),
    ).routes
    assert [(each.domain, each.text) for each in by_domain(routes)] == [
        ("down.example", "down"),
        ("half.example", "degraded 1/2"),
        ("part.example", "degraded 1/2"),
        ("up.example", "up"),
    ]
    assert by_domain(routes)[1].paths == ("/", "/api")


def test_held_routes_are_told() -> None:
    (health,) = by_domain([replace(route("a.example", SICK), held_until=START)])
    assert health.held
    assert health.status == "down"
