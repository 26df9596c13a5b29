"""Hashes of passwords (argon2id), made in threads, a few at a time and without a long queue."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from fleet.accounts.names import normalized
from web.access.people import LoginRefusedError

T = TypeVar("T")

AT_ONCE = 2  # each takes 64 MiB, and four threads for some 0.1 s
MOST_WAITING = 16
PATIENCE = 10.0  # seconds for a turn


class Passwords:
    """Hashes and verifies.

    Args:
        hasher: Its parameters; by default those of RFC 9106 for little memory.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turns = anyio.CapacityLimiter(AT_ONCE)
        self._nobodys = ""

    async def prepare(self) -> None:
        """Make the hash that stands for those of accounts that there are not."""
        self._nobodys = await self.hash(secrets.token_urlsafe(32))

    async def hash(self, password: str) -> str:
        """What is stored of a password.

        Raises:
            LoginRefusedError: `busy`: too many wait already.
        """
        return await self._in_turn(lambda: self._hasher.hash(normalized(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the stored one; where there is none it takes as long (after `prepare`).

        Raises:
            LoginRefusedError: `busy`: too many wait already.
        """
        return await self._in_turn(lambda: self._is_right(stored, normalized(password)))

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than these."""
        return self._hasher.check_needs_rehash(stored)

    def _is_right(self, stored: str | None, password: str) -> bool:
        try:
            right = self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return right and stored is not None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._turns.statistics().tasks_waiting >= MOST_WAITING:
            raise _busy()
        with anyio.move_on_after(PATIENCE):  # for a turn: a thread that runs is waited for
            return await to_thread.run_sync(work, limiter=self._turns)
        raise _busy()


def _busy() -> LoginRefusedError:
    return LoginRefusedError("busy", "Too many log in just now.", 5)
