"""A typed client of the API.

`FleetClient` blocks, `AsyncFleetClient` runs on asyncio and on trio; both have the same methods.
What they answer are the frozen documents of `web.documents` and its neighbours. What is imported
from here is loaded when it is first used, so that a script does not wait for what it does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.client.asking import Ask
    from fleet.client.awaited_client import AsyncFleetClient
    from fleet.client.blocking_client import FleetClient
    from fleet.client.errors import (
        AmbiguousError,
        AnswerTooLargeError,
        CertificateError,
        ClientError,
        ForeignAnswerError,
        NotAllowedError,
        NotFoundError,
        ProblemError,
        TooManyError,
        UnavailableError,
        UnreachableError,
        WrongQuestionError,
    )
    from fleet.client.told import ContainersSnapshot, HostsSnapshot, SamplesSnapshot

_HOMES = {
    "asking": ("Ask",),
    "awaited_client": ("AsyncFleetClient",),
    "blocking_client": ("FleetClient",),
    "errors": (
        "AmbiguousError",
        "AnswerTooLargeError",
        "CertificateError",
        "ClientError",
        "ForeignAnswerError",
        "NotAllowedError",
        "NotFoundError",
        "ProblemError",
        "TooManyError",
        "UnavailableError",
        "UnreachableError",
        "WrongQuestionError",
    ),
    "told": ("ContainersSnapshot", "HostsSnapshot", "SamplesSnapshot"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AmbiguousError",
    "AnswerTooLargeError",
    "Ask",
    "AsyncFleetClient",
    "CertificateError",
    "ClientError",
    "ContainersSnapshot",
    "FleetClient",
    "ForeignAnswerError",
    "HostsSnapshot",
    "NotAllowedError",
    "NotFoundError",
    "ProblemError",
    "SamplesSnapshot",
    "TooManyError",
    "UnavailableError",
    "UnreachableError",
    "WrongQuestionError",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
