"""What was probably meant: for names and words that are nearly one that we know."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache

from labels.parsing.keys import SPELLINGS

_MOST = 40  # a name that is longer is no slip of ours
# What people write who come from elsewhere, and what they would write here.
_ELSEWHERE = {
    "fqdn": "domain",
    "host": "domain",
    "hostname": "domain",
    "rule": "domain",
    "vhost": "domain",
    "prefix": "backend-path",
    "protocol": "backend-scheme",
    "proto": "backend-scheme",
    "tls": "https",
    "lb": "load-balancer",
    "policy": "load-balancer",
    "disabled": "enabled",
}


def closest(word: str, words: Iterable[str], cutoff: float = 0.7) -> str | None:
    """The one of the words that is most like it, if one is like it at all."""
    if len(word) > _MOST:
        return None
    found = difflib.get_close_matches(word, sorted(words), n=1, cutoff=cutoff)
    return found[0] if found else None


@lru_cache(maxsize=1024)
def known_name(name: str) -> str | None:
    """The label that an unknown name was meant to be."""
    return _ELSEWHERE.get(name) or closest(name, SPELLINGS)


@lru_cache(maxsize=1024)
def resembles(head: str, prefix: str) -> bool:
    """Whether the head of a label is the prefix with a slip in it. Both are lower case."""
    if len(head) > 3 and head in prefix.split("."):
        return True
    if abs(len(head) - len(prefix)) > 3:
        return False
    return difflib.SequenceMatcher(None, head, prefix).ratio() >= 0.8
