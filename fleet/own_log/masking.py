"""Secrets that found their way into a text are masked before it is written anywhere."""

from __future__ import annotations

import re

MASK = "***"

_NAMES = "pass(?:word|wd|phrase)?|pwd|(?:client_)?secret|(?:access_|refresh_|id_)?token|api_?key"

_RULES = (
    # The id of a token of ours stays: it says which one to revoke.
    (re.compile(r"\b(fleet_[A-Za-z0-9]{10})_[A-Za-z0-9_-]{20,}"), rf"\1_{MASK}"),
    # As browsers offer it to open a WebSocket.
    (re.compile(r"\b(fleet\.bearer\.)[A-Za-z0-9_=-]+"), rf"\1{MASK}"),
    # A header, as it was sent, or as Python shows a mapping or a pair of bytes.
    (
        re.compile(
            r"""(?ix) \b ((?:proxy-)?authorization|cookie|set-cookie|x-api-key)
            (\\?["']? \s* [:=,] \s* (?:b(?=["']))?\\?["']?) [^"'\r\n]+"""
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+(?=\S*[\d=])[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    # In a URL: of a user, and as a parameter; also `password=` of a connection string.
    (
        re.compile(
            r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"]*:)[^\s/@'\"]+@", re.IGNORECASE
        ),
        rf"\1{MASK}@",
    ),
    (
        re.compile(rf"(?i)\b({_NAMES})(\s*=\s*)('[^']*'|\"[^\"]*\"|[^\s&;,'\")\]]+)"),
        rf"\1\2{MASK}",
    ),
    (re.compile(rf"(?i)([\"'](?:{_NAMES})[\"']\s*:\s*[\"'])[^\"']+"), rf"\1{MASK}"),
)
# One look tells of nearly all texts that none of the rules could apply.
_SUSPECT = re.compile(
    r"(?i)fleet[_.]|://[^\s/]*@|authoriz|cookie|bearer|basic |api.?key|pass|pwd|secret|token"
)
_SECRET_KEY = re.compile(rf"(?i)(?:.*_)?(?:{_NAMES}|authorization|cookie|set-cookie)")


def masked(text: str) -> str:
    """`text` without tokens of ours, `Authorization` and cookies, and passwords of URLs."""
    if _SUSPECT.search(text) is None:
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def is_secret_key(key: str) -> bool:
    """Whether a value of this name is a secret, whatever it looks like."""
    return _SECRET_KEY.fullmatch(key) is not None
