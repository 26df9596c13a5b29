"""Which hosts somebody sees, by what the configuration says of them now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from web.access.model import Access

HostLabels = Callable[[], Mapping[str, Mapping[str, str]]]


class Sight:
    """The hosts of one scope. A host that is not configured is not seen.

    Args:
        access: Who looks.
        labels: Of all configured hosts, as they are now.
    """

    def __init__(self, access: Access, labels: HostLabels) -> None:
        self._access = access
        self._labels = labels

    def sees(self, host: str) -> bool:
        """Whether a host of this name is there for them."""
        labels = self._labels().get(host)
        return labels is not None and self._access.sees(labels)

    def is_configured(self, host: str) -> bool:
        """Whether there is such a host at all."""
        return host in self._labels()

    def hosts(self) -> frozenset[str]:
        """The names of all hosts that they see."""
        return frozenset(
            name for name, labels in self._labels().items() if self._access.sees(labels)
        )
