"""Which format a scraper wants, and whether compressed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def wants_openmetrics(accept: str) -> bool:
    """Whether an `Accept` header likes OpenMetrics 1.0 at least as much as plain text.

    Who takes neither gets plain text: a scraper without a header, a person with a browser.
    """
    openmetrics = plain = 0.0
    for kind, parameters, quality in offers(accept):
        if kind == "application/openmetrics-text" and parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, quality)
        elif kind == "text/plain":
            plain = max(plain, quality)
    return openmetrics > 0 and openmetrics >= plain


def wants_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` header takes gzip."""
    found = {coding: quality for coding, _, quality in offers(accept_encoding)}
    return found.get("gzip", found.get("*", 0.0)) > 0


def offers(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """What a header of the `Accept` family names: each with its parameters and its q-value."""
    for offer in header.split(","):
        kind, *rest = (part.strip() for part in offer.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        yield kind.lower(), parameters, _quality(parameters.pop("q", "1"))


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
