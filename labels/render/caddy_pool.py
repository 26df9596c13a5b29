"""How Caddy spreads requests over a pool: the entries of `upstreams`, and the policy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from labels.model import Policy, Route

LONGEST = 64  # entries of a pool whose weights are told by repetition
_ADDRESS = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})|[0-9a-fA-F:.]{2,45}")


class Pool(NamedTuple):
    """Where requests go. `weights` is by entry, and None where entries are repeated instead."""

    dials: tuple[str, ...]
    weights: tuple[int, ...] | None = None
    ignored: bool = False  # weights differ, and the policy knows none
    approximate: bool = False  # weights are told by repetition, and not exactly


def weights_of(route: Route) -> tuple[dict[str, int], list[str]]:
    """The weight of each backend that gets requests, sorted, and addresses that are none."""
    found: dict[str, int] = {}
    bad = []
    for member in route.members:
        endpoint = member.endpoint
        if endpoint is None or not member.serving:
            continue
        if _ADDRESS.fullmatch(endpoint.address):
            dial = endpoint.authority
            found[dial] = found.get(dial, 0) + member.weight
        else:
            bad.append(endpoint.address)
    return dict(sorted(found.items())) if len(found) > 1 else found, sorted(set(bad))


def pool_of(weights: Mapping[str, int], policy: Policy, *, dated: bool) -> Pool:
    """Spread requests by weight, as far as the policy and the version can."""
    dials = tuple(weights)
    if len(dials) == 1 or len(set(weights.values())) == 1:
        return Pool(dials)
    if policy not in ("round_robin", "random"):
        return Pool(dials, ignored=True)
    if policy == "round_robin" and not dated:
        return Pool(dials, tuple(weights.values()))
    shares = shares_of(tuple(weights.values()))
    total, wanted = sum(shares), sum(weights.values())
    exact = all(
        share * wanted == weight * total
        for share, weight in zip(shares, weights.values(), strict=True)
    )
    return Pool(_interleaved(dict(zip(dials, shares, strict=True))), approximate=not exact)


def shares_of(weights: tuple[int, ...]) -> tuple[int, ...]:
    """Reduce weights to the smallest whole shares; to about `LONGEST` in all if they are more."""
    divisor = math.gcd(*weights)
    total = sum(weights)
    if total // divisor > max(LONGEST, len(weights)):
        weights = tuple(max(1, round(weight * LONGEST / total)) for weight in weights)
        divisor = math.gcd(*weights)
    return tuple(weight // divisor for weight in weights)


def _interleaved(shares: Mapping[str, int]) -> tuple[str, ...]:
    """Each name as often as its share says, the repetitions far apart."""
    slots = [
        ((turn + 0.5) / share, place, dial)
        for place, (dial, share) in enumerate(shares.items())
        for turn in range(share)
    ]
    return tuple(dial for _, _, dial in sorted(slots))
