"""Which hosts and containers a reader wants. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec

from web.live.documents import SubjectType
from web.live.ledger import Subject
from web.parameters import MOST_VALUES
from web.selection import MIN_ID, has_labels, parse_labels

Wanted = Callable[[Subject], bool]
Few = Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_VALUES)]


class LiveFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Empty means any; of hosts and containers any may match, of labels all must.

    `label` is of a host for hosts and their samples, else of a container. `container` is a name or
    identity, or at least the first 4 characters of an id.
    """

    host: Few = ()
    label: Few = ()
    container: Few = ()
    type: SubjectType | None = None


def live_filter(
    host: Sequence[str] | None,
    label: Sequence[str] | None,
    container: Sequence[str] | None = None,
    kind: SubjectType | None = None,
) -> LiveFilter:
    """The filter of a query's parameters."""
    return LiveFilter(
        host=tuple(host or ()),
        label=tuple(label or ()),
        container=tuple(container or ()),
        type=kind,
    )


def subject_test(wanted: LiveFilter) -> Wanted | None:
    """The filter as a function, None if it lets everything through."""
    tests: list[Wanted] = []
    if wanted.host:
        hosts = frozenset(wanted.host)
        tests.append(lambda subject: subject.host in hosts)
    if wanted.type is not None:
        tests.append(lambda subject: subject.type == wanted.type)
    if wanted.container:
        tests.append(lambda subject: any(_means(subject, ref) for ref in wanted.container))
    if wanted.label:
        labels = parse_labels(wanted.label)
        tests.append(lambda subject: has_labels(subject.labels, labels))
    if not tests:
        return None
    return lambda subject: all(test(subject) for test in tests)


def _means(subject: Subject, ref: str) -> bool:
    if subject.id is None:
        return False
    return ref in (subject.name, subject.identity, f"{subject.host}/{subject.name}") or (
        len(ref) >= MIN_ID and subject.id.startswith(ref)
    )
