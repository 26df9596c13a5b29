"""Which events a reader of the list or the stream wants. Pure."""

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


def event_filter(
    host: Sequence[str] | None = None,
    label: Sequence[str] | None = None,
    container: Sequence[str] | None = None,
    type: Sequence[str] | None = None,  # noqa: A002 - the Engine's word
    action: Sequence[str] | None = None,
) -> EventFilter:
    """The filter of a query's parameters."""
    return EventFilter(
        hosts=tuple(host or ()),
        labels=parse_labels(label or ()),
        containers=tuple(one.removeprefix("/") for one in container or ()),
        types=tuple(type or ()),
        actions=tuple(action or ()),
    )


def event_test(wanted: EventFilter, host_labels: HostLabels) -> EventTest:
    """The filter as a function.

    Args:
        wanted: What is asked for.
        host_labels: The labels of each host, as they are now.
    """

    def test(event: EventDocument) -> bool:
        if not event_matches(event, wanted):
            return False
        if not wanted.labels:
            return True
        return has_labels({**host_labels().get(event.host, {}), **event.attributes}, wanted.labels)

    return test
