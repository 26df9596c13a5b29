"""What streams tell, besides the documents of what is streamed."""

from __future__ import annotations

from web.documents import ContainerDocument, Document, GapDocument, HostDocument
from web.live.documents import RemovedDocument, SampleDocument, SkippedDocument


class HostsSnapshot(Document, frozen=True, kw_only=True):
    """All hosts that match, as of when the stream began, or began anew."""

    hosts: tuple[HostDocument, ...]


class ContainersSnapshot(Document, frozen=True, kw_only=True):
    """All containers that match, without their samples."""

    containers: tuple[ContainerDocument, ...]


class SamplesSnapshot(Document, frozen=True, kw_only=True):
    """The newest samples of all that match."""

    stats: tuple[SampleDocument, ...]


Left = RemovedDocument | SkippedDocument | GapDocument
"""Something is gone; states were left out; it is not known what changed, a snapshot follows."""
