"""Which events a reader of the stream wants. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from web.documents import EventDocument
from web.history import EventFilter
from web.live.filters import Few
from web.selection import event_matches, has_labels, parse_labels

EventTest = Callable[[EventDocument], bool]
HostLabels = Callable[[], Mapping[str, Mapping[str, str]]]


class EventsWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Empty means any; of each any may match, of labels all must.

    `label` is of the host, or of what the event is about, as far as its attributes tell.
    """

    host: Few = ()
    label: Few = ()
    container: Few = ()
    type: Few = ()
    action: Few = ()


def events_wanted(**named: Sequence[str] | None) -> EventsWanted:
    """The filter of a query's parameters."""
    return EventsWanted(**{name: tuple(values or ()) for name, values in named.items()})


def event_test(wanted: EventsWanted, host_labels: HostLabels) -> EventTest:
    """The filter as a function.

    Args:
        wanted: What is asked for.
        host_labels: The labels of each host, as they are now.
    """
    any_of = [
        group
        for group in (
            [EventFilter(host=one) for one in wanted.host],
            [EventFilter(container=one) for one in wanted.container],
            [EventFilter(type=one) for one in wanted.type],
            [EventFilter(action=one) for one in wanted.action],
        )
        if group
    ]
    labels = parse_labels(wanted.label)

    def test(event: EventDocument) -> bool:
        if not all(any(event_matches(event, one) for one in group) for group in any_of):
            return False
        if not labels:
            return True
        return has_labels({**host_labels().get(event.host, {}), **event.attributes}, labels)

    return test
