"""A copy of the tokens on this machine: proxies get their routes also while a database is away.

It holds hashes, never a token, and is readable for this user alone.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from fleet.revp.snapshot import write
from storage.access import TokenRecord

log = logging.getLogger(__name__)

FILE = "access.json"
MOST_BYTES = 64 * 1024 * 1024


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """The file: the tokens that were valid."""

    tokens: tuple[TokenRecord, ...]


def write_copy(path: Path, tokens: tuple[TokenRecord, ...]) -> None:
    """Replace the file. Blocks as disks do. Several processes may do so at once.

    Raises:
        OSError: It cannot be written.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        write(fresh, msgspec.json.encode(Copied(tokens=tokens)))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def read_copy(path: Path) -> tuple[TokenRecord, ...] | None:
    """The tokens of the file; None if there is none, or it cannot be used, which is told of."""
    try:
        if path.stat().st_size > MOST_BYTES:
            log.warning("%s is not used: it is larger than fleet makes it", path)
            return None
        return msgspec.json.decode(path.read_bytes(), type=Copied).tokens
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s cannot be read (%s)", path, error.strerror)
    except msgspec.MsgspecError:
        log.warning("%s is damaged, or not of this version: it is not used", path)
    return None
