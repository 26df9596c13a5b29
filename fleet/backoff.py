"""How long to wait before the next attempt: exponential, full jitter, capped (tenacity's)."""

from __future__ import annotations

import tenacity

from config.models import Retry


def wait_strategy(retry: Retry) -> tenacity.wait.wait_base:
    """The configured delays as a strategy of tenacity."""
    return tenacity.wait_random_exponential(
        multiplier=retry.minimum, max=retry.maximum, exp_base=retry.backoff
    )


class Backoff:
    """Delays of one host. `reset` after a connection that was stable."""

    def __init__(self, retry: Retry) -> None:
        self._wait = wait_strategy(retry)
        self.attempts = 0

    def reset(self) -> None:
        """Begin again with the shortest delays."""
        self.attempts = 0

    def next_delay(self) -> float:
        """Count a failed attempt and draw the seconds to wait after it."""
        self.attempts += 1
        state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
        state.attempt_number = self.attempts
        return self._wait(state)
