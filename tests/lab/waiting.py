"""Wait for something to become true, with a deadline instead of a sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.lab.errors import LabError

T = TypeVar("T")


def wait_until(check: Callable[[], T], what: str, deadline: float = 20.0, every: float = 0.05) -> T:
    """Return the first true answer of ``check``, asked every ``every`` seconds.

    Raises:
        LabError: it did not become true within ``deadline`` seconds.
    """
    end = time.monotonic() + deadline
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {deadline:g} s")
        time.sleep(every)
