"""Short ways to read labels in tests; keys are given without their prefix."""

from __future__ import annotations

from collections.abc import Mapping

from labels.model import Issue, Parsed, Wish
from labels.parsing.parser import parse

PREFIX = "snadboy.revp"


def revp(labels: Mapping[str, str]) -> Parsed:
    return parse({f"{PREFIX}.{name}": value for name, value in labels.items()})


def wishes(**labels: str) -> tuple[Wish, ...]:
    """Of labels whose names have no dot; nothing is wrong with them."""
    parsed = revp(labels)
    assert parsed.issues == ()
    return parsed.wishes


def wish(labels: Mapping[str, str]) -> Wish:
    """The one wish of labels that are right, for a domain of no interest."""
    parsed = revp({"domain": "a.lan", **labels})
    assert parsed.issues == ()
    (found,) = parsed.wishes
    return found


def codes(parsed: Parsed) -> list[str]:
    return sorted(issue.code for issue in parsed.issues)


def issue(parsed: Parsed, code: str) -> Issue:
    (found,) = (issue for issue in parsed.issues if issue.code == code)
    return found
