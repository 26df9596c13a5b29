"""What was refused before anybody looked at it, counted."""

from __future__ import annotations

from collections import Counter
from typing import Literal, get_args

Turned = Literal["places", "client", "rate", "evicted", "handshake", "slow"]
Limited = Literal["rate", "locked"]


class EdgeCounts:
    """Plain numbers since the start.

    Attributes:
        turned: Connections that were ended early: all places or those of the client taken, too many
            at a time, room made for another, no TLS within its time, an answer not taken.
        limited: Requests that were refused: too many of one client, or wrong credentials before.
        open: Connections now.
    """

    def __init__(self) -> None:
        self.turned: Counter[Turned] = Counter(dict.fromkeys(get_args(Turned), 0))
        self.limited: Counter[Limited] = Counter(dict.fromkeys(get_args(Limited), 0))
        self.open = 0
