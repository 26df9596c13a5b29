"""What an account may be called, and what a password must be. Pure."""

from __future__ import annotations

import re
import unicodedata

from web.access.people import PasswordRefusedError

LEAST = 12  # characters of a password
MOST = 1024
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")
_OTHERS = re.compile(r"[^a-z0-9._@+-]+")


def folded(name: str) -> str:
    """A name as it is stored: case makes no difference."""
    return name.strip().lower()


def checked_name(name: str) -> str:
    """`name` as it is stored.

    Raises:
        PasswordRefusedError: It cannot be a name.
    """
    found = folded(name)
    if _NAME.fullmatch(found) is None:
        raise PasswordRefusedError(
            "A name has 1 to 64 letters of a to z, digits and . _ @ + -, and begins and ends with "
            "a letter or digit."
        )
    return found


def name_from(text: str) -> str:
    """A name made of somebody else's text; empty if nothing is left of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _OTHERS.sub("-", plain)[:60].strip("._@+-")


def normalized(password: str) -> str:
    """A password however the keyboard composed its characters."""
    return unicodedata.normalize("NFC", password)


def checked_password(password: str, name: str) -> str:
    """`password` as it is hashed.

    Raises:
        PasswordRefusedError: It is too short, too long, or as good as the name.
    """
    found = normalized(password)
    if len(found) < LEAST:
        raise PasswordRefusedError(f"A password has at least {LEAST} characters.")
    if len(found) > MOST:
        raise PasswordRefusedError(f"A password has at most {MOST} characters.")
    if len(set(found)) < 4 or found.lower().replace(name, "", 1) in ("", "1", "123", "1234"):
        raise PasswordRefusedError("This password is easy to guess. Several words are fine.")
    return found
