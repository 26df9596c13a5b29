"""`fleet routes apply --follow`: a round for each change of the table, until stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from config.models import Retry
from fleet.cli.api import Api, RefusedError
from fleet.cli.apply_round import Applied, Order, ProxyRefusedError, fetch, put
from fleet.cli.errors import CommandError
from web.route_documents import RoutesDocument

WAIT = "20s"  # for a change; then all is compared anew, so that a file edited by hand is mended
SETTLE = 0.1  # seconds for a burst of changes
SPACING = 0.7  # seconds between two reloads
AGAIN = 1.0  # seconds before a fleet that cannot be waited for is asked again
_FATAL = ("bad-parameter", "unknown-path")  # asking again would not help
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Tell = Callable[[Applied | CommandError], None]


class StoppedError(Exception):
    """The process is to end."""


class Stop:
    """Ends by signals, but never between two files: only where `waiting` says so."""

    def __init__(self) -> None:
        self._asked = False
        self._waiting = False

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._waiting:
            raise StoppedError

    @contextmanager
    def received(self) -> Iterator[None]:
        """Receive the signals for the length of the block, and end it quietly when one came."""
        before = {number: signal.signal(number, self._on_signal) for number in _STOPPING}
        try:
            yield
        except StoppedError:
            pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """What is done here may break off at any point."""
        self._waiting = True
        try:
            if self._asked:
                raise StoppedError
            yield
        finally:
            self._waiting = False


def follow(api: Api, order: Order, tell: Tell) -> None:
    """Keep the files up to date until a signal; what fails is told once and tried again.

    Raises:
        CommandError: Asking again would not help.
    """
    from fleet.backoff import Backoff

    stop, backoff = Stop(), Backoff(Retry(minimum=0.5, maximum=10.0))
    told = ""
    with stop.received():
        while True:
            try:
                with stop.waiting():
                    fetched = fetch(api, order)
                applied = put(order, fetched)
                reloaded = time.monotonic()
                if applied.changed or told:
                    tell(applied)
                told = ""
            except CommandError as error:
                _raise_fatal(error)
                if error.message != told:
                    tell(error)
                told = error.message
                reloaded = time.monotonic()
                if not isinstance(error, ProxyRefusedError):
                    with stop.waiting():
                        time.sleep(backoff.next_delay())
                    continue
            backoff.reset()
            _await_change(api, fetched.revision, stop, reloaded)


def _raise_fatal(error: CommandError) -> None:
    if isinstance(error, RefusedError) and error.kind in _FATAL:
        raise error


def _await_change(api: Api, revision: int, stop: Stop, reloaded: float) -> None:
    query = {"wait": WAIT, "revision": str(revision), "limit": "1"}
    with stop.waiting():
        try:
            found = api.read("/api/revp/routes", RoutesDocument, query)
        except CommandError:
            time.sleep(AGAIN)  # the next round meets the same, and says so
            return
        if found.revision != revision:
            time.sleep(max(SETTLE, SPACING - (time.monotonic() - reloaded)))
