"""Resolving names on threads of their own, so that a slow name server holds up nothing else.

A lookup cannot be cancelled, and takes as long as the system's resolver likes: 10 s and more when
a name server is silent. Hence the threads are daemons, which no end of the program waits for, and
whoever asks for what is being looked up already shares that lookup: a host that is tried again and
again has one at a time.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

import outcome
import trio

_THREADS = 32  # lookups at a time
_KEPT = 1.0  # seconds; asyncssh asks again for what was looked up right before

Question = tuple[Any, ...]
"""The arguments of `socket.getaddrinfo`."""

Found = list[tuple[Any, ...]]
"""What it returns: family, type, protocol, canonical name and socket address of each."""


class Names:
    """Lookups under way and just done; used by trio's thread and the asyncio loop's alike."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._asked: dict[Question, Future[Found]] = {}
        self._until: dict[Question, float] = {}  # when an answer is forgotten
        self._waiting: deque[Question] = deque()
        self._busy = 0

    def lookup(self, *question: Any) -> Future[Found]:
        """Ask; an address in numbers is answered at once.

        The future's error is a `socket.gaierror`, also for what is no name at all.
        """
        if _is_numeric(question[0]):
            answered: Future[Found] = Future()
            _settle(answered, outcome.capture(_ask, question))
            return answered
        with self._lock:
            self._forget(time.monotonic())
            if question not in self._asked:
                future: Future[Found] = Future()
                future.set_running_or_notify_cancel()  # one who gives up must not cancel others
                self._asked[question] = future
                self._waiting.append(question)
            future = self._asked[question]
            self._start()
        return future

    def _forget(self, now: float) -> None:
        for question in [known for known, until in self._until.items() if until <= now]:
            del self._asked[question], self._until[question]

    def _start(self) -> None:
        while self._waiting and self._busy < self._threads:
            self._busy += 1
            question = self._waiting.popleft()
            deliver = partial(self._deliver, question)
            trio.lowlevel.start_thread_soon(partial(_ask, question), deliver, "fleet-names")

    def _deliver(self, question: Question, answer: outcome.Outcome[Found]) -> None:
        with self._lock:
            self._busy -= 1
            self._until[question] = time.monotonic() + _KEPT
            future = self._asked[question]
            self._start()
        _settle(future, answer)


def _settle(future: Future[Found], answer: outcome.Outcome[Found]) -> None:
    if isinstance(answer, outcome.Value):
        future.set_result(answer.value)
    elif isinstance(answer, outcome.Error):
        future.set_exception(answer.error)


def _ask(question: Question) -> Found:
    try:
        return list(socket.getaddrinfo(*question))
    except ValueError as error:  # the encoding of international names refuses some others too
        raise socket.gaierror(socket.EAI_NONAME, "it is not a well-formed name") from error


def _is_numeric(name: object) -> bool:
    try:
        ipaddress.ip_address(str(name))
    except ValueError:
        return False
    return True


NAMES = Names()


async def resolve(address: str, port: int) -> Found:
    """Return the addresses of a name or address, for trio.

    Raises:
        socket.gaierror: There is none, or none is to be learned.
    """
    future = NAMES.lookup(address, port, 0, socket.SOCK_STREAM, 0, 0)
    settled, token = trio.Event(), trio.lowlevel.current_trio_token()

    def tell(_future: Future[Found]) -> None:
        with suppress(trio.RunFinishedError):  # nobody waits any more
            token.run_sync_soon(settled.set)

    if not future.done():
        future.add_done_callback(tell)
        await settled.wait()
    return future.result()
