from __future__ import annotations

import pytest

from labels.model import Settings, Standing
from labels.preview.meeting import Meeting, meet
from tests.labels.render.tables import member, route, table

OTHER = Settings(websocket=True)


def test_what_is_nowhere_meets_nobody() -> None:
    ours = table(route("a.example", member("one/a", "10.0.0.1")))
    theirs = table(
        route("b.example", member("one/b", "10.0.0.1")),
        route("a.example", member("one/b", "10.0.0.1"), path="/docs"),
    )
    assert meet(ours, theirs) == ()


def test_the_same_container_replaces_itself_and_equal_terms_join() -> None:
    ours = route("a.example", member("one/a", "10.0.0.1"), settings=OTHER)
    alone = route("a.example", member("one/a", "10.0.0.1"))
    (replaced,) = meet(table(ours), table(alone))
    assert (replaced.outcome, replaced.members) == ("replaces", ("one/a",))
    assert (replaced.differs, replaced.rule) == (("websocket",), "")
    pool = route("a.example", member("one/a", ""), member("two/a", "10.0.0.2"), settings=OTHER)
    assert meet(table(ours), table(pool)) == (
        Meeting(domain="a.example", path="/", outcome="joins", members=("two/a",)),
    )


@pytest.mark.parametrize(
    ("standing", "outcome", "rule"),
    [
        ("up", "loses", "first by name"),  # no start is known of either
        ("starting", "loses", "first by name"),
        ("stopped", "wins", "who can serve comes first"),
        ("unreachable", "wins", "who can serve comes first"),
    ],
)
def test_on_other_terms_one_side_wins(standing: Standing, outcome: str, rule: str) -> None:
    ours = route("a.example", member("two/b", "10.0.0.1"), settings=OTHER)
    theirs = route("a.example", member("one/a", "10.0.0.2", standing=standing))
    (meeting,) = meet(table(ours), table(theirs))
    assert (meeting.outcome, meeting.members) == (outcome, ("one/a",))
    assert (meeting.differs, meeting.rule) == (("websocket",), rule)
