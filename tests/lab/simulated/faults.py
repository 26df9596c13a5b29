"""What can be wrong with a simulated host; a test says when, and for how long.

A new fault is a field here, a word in ``control.py``, and its effect at the one place where a
connection reads, answers or sends (``connection.py``). Whether anybody listens at all is the
host's own affair (``host.py``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """The present faults of one host.

    Attributes:
        delay: Seconds by which every answer is late.
        is_stalled: Alive but silent: what is asked waits for better times.
        is_cut: Each connection is reset as soon as it is made.
    """

    delay: float = 0.0
    is_stalled: bool = False
    is_cut: bool = False
