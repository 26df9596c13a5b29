"""How a token is written: `fleet_ID_SECRET`. Pure, but for chance.

The name in front lets scanners of code find it, and nothing in it breaks a double click. The id is
no secret: it stands in lists and in the audit. Of the rest only a hash is kept; as it is 256 random
bits, a plain one cannot be turned back.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string

import msgspec

_IDS = string.ascii_lowercase + "234567"  # base32
_SECRETS = string.ascii_letters + string.digits
_ID_LENGTH = 10
_SECRET_LENGTH = 43  # 256 bits
_TOKEN = re.compile(rf"fleet_([a-z2-7]{{{_ID_LENGTH}}})_[A-Za-z0-9]{{{_SECRET_LENGTH}}}")


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is shown once, to who made it."""

    id: str
    token: str


def new_token() -> NewToken:
    """A token that nobody has."""
    id_ = "".join(secrets.choice(_IDS) for _ in range(_ID_LENGTH))
    secret = "".join(secrets.choice(_SECRETS) for _ in range(_SECRET_LENGTH))
    return NewToken(id=id_, token=f"fleet_{id_}_{secret}")


def id_of(token: str) -> str | None:
    """The id of a token, None for what is none."""
    match = _TOKEN.fullmatch(token)
    return match[1] if match else None


def hashed(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
