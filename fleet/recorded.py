"""Stored containers as what the web reads history by. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from storage.records import RecordedContainer
from web.history import Recorded
from web.history_documents import IncarnationDocument

_BY_ID = (0, 3)


def recorded_of(found: Sequence[RecordedContainer]) -> list[Recorded]:
    """Group what was found, newest first, and those that a name means on a host into one.

    A name may have belonged to several identities of a host: the newest one's is meant.
    """
    groups: dict[tuple[str, ...], list[RecordedContainer]] = {}
    newest: dict[str, str] = {}
    for container in found:
        if container.rank in _BY_ID:
            groups[container.host, container.id] = [container]
        elif newest.setdefault(container.host, container.identity) == container.identity:
            groups.setdefault((container.host,), []).append(container)
    return [_recorded(group) for group in groups.values()]


def _recorded(group: Sequence[RecordedContainer]) -> Recorded:
    first = group[0]
    return Recorded(
        host=first.host,
        id=first.id,
        name=first.name,
        identity=first.identity,
        incarnations=tuple(
            IncarnationDocument(
                id=container.id,
                name=container.name,
                image=container.image,
                image_id=container.image_id,
                first=container.created,
                last=container.removed,
            )
            for container in group
        ),
    )
