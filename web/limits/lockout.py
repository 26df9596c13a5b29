"""Who presents wrong credentials again and again waits, longer each time."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import blake2b
from secrets import token_bytes

from web.limits.addresses import client_key

WINDOW = 300.0  # seconds within which failures are counted together
FIRST_PAUSE = 30.0  # seconds; each later one is twice as long
LONGEST_PAUSE = 900.0
FORGET = 3600.0  # seconds without a failure, after which the next pause is a first one again
MOST_CLIENTS = 10_000
MOST_KNOWN = 16  # credentials that were right, by client

Locked = Callable[[str, float, int], None]
"""Told of a client that has to wait: its address, the seconds, and how often it has had to."""

logger = logging.getLogger("fleet.web")


class _Record:
    """One client that failed, or did not."""

    __slots__ = ("failures", "known", "last", "pauses", "until")

    def __init__(self, limit: int) -> None:
        self.failures: deque[float] = deque(maxlen=limit)  # of which the last decide
        self.known: OrderedDict[bytes, None] = OrderedDict()
        self.pauses = 0
        self.until = 0.0
        self.last = 0.0


class Lockouts:
    """Counts wrong credentials by client, and says who has to wait.

    Many people may share an address: credentials that were right from there go on being checked
    while others are not, so that nobody's mistake cuts off a neighbour, or a proxy that reads its
    routes. What is kept of credentials is a digest with a key that nobody ever sees.

    Args:
        limit: Failures within five minutes before a client has to wait; 0: it never has to.
        locked: Told of each client that has to wait.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        limit: int,
        *,
        locked: Locked | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.count = 0
        self._locked = locked
        self._limit = limit
        self._clock = clock
        self._clients: OrderedDict[str, _Record] = OrderedDict()
        self._key = token_bytes(32)

    def __len__(self) -> int:
        return len(self._clients)

    def digest(self, *credentials: bytes) -> bytes:
        """What stands for credentials here; nothing where there are none."""
        if not any(credentials):
            return b""
        whole = b"".join(len(each).to_bytes(8, "big") + each for each in credentials)
        return blake2b(whole, key=self._key, digest_size=16).digest()

    def failed(self, address: str) -> None:
        """The credentials were wrong."""
        if not self._limit:
            return
        now, record = self._clock(), self._record(address)
        if now - record.last > FORGET:
            record.pauses = 0
        record.last = now
        record.failures.append(now)
        while record.failures and now - record.failures[0] > WINDOW:
            record.failures.popleft()
        if len(record.failures) < self._limit or now < record.until:
            return
        pause = min(FIRST_PAUSE * 2.0**record.pauses, LONGEST_PAUSE)
        record.pauses += 1
        record.until = now + pause
        record.failures.clear()
        self.count += 1
        logger.warning("wrong credentials came from %s too often: it waits %.0f s", address, pause)
        if self._locked is not None:
            self._locked(address, pause, record.pauses)

    def succeeded(self, address: str, credentials: bytes) -> None:
        """They were right. This forgives no failure: one may know one secret and guess another."""
        if not self._limit or not credentials:
            return
        known = self._record(address).known
        known[credentials] = None
        known.move_to_end(credentials)
        if len(known) > MOST_KNOWN:
            known.popitem(last=False)

    def wait(self, address: str, credentials: bytes) -> float:
        """Seconds until these credentials are looked at again; 0: now."""
        record = self._clients.get(client_key(address))
        if record is None or not credentials or credentials in record.known:
            return 0.0
        return max(0.0, record.until - self._clock())

    def _record(self, address: str) -> _Record:
        key = client_key(address)
        record = self._clients.get(key)
        if record is None:
            record = self._clients[key] = _Record(self._limit)
            if len(self._clients) > MOST_CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(key)
        return record
