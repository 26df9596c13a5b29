"""Random values that prove something, and the hashes of them that are stored."""

from __future__ import annotations

import hashlib
import re
import secrets

_LENGTH = 43  # characters of 256 bits in base64url
_FORM = re.compile(rf"[A-Za-z0-9_-]{{{_LENGTH}}}")


def new_secret() -> str:
    """256 random bits, as text for a cookie or a link."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes | None:
    """What is stored of it; None for what cannot be one. Nobody guesses 256 bits: no salt."""
    return hashlib.sha256(secret.encode()).digest() if _FORM.fullmatch(secret) else None
