"""Makes the settings of a route from the terms of its labels."""

from __future__ import annotations

from typing import Literal

from labels.model import Check, Settings
from labels.parsing.findings import quoted
from labels.parsing.grouping import Label
from labels.parsing.headers import MOST_HEADERS, read_pair, read_value
from labels.parsing.keys import HEADER
from labels.parsing.terms import Terms, bounded
from labels.parsing.values import (
    BadValueError,
    read_boolean,
    read_middlewares,
    read_path,
    read_policy,
    read_resolver,
    read_scheme,
    read_seconds,
    read_status,
)


def settings(terms: Terms) -> Settings:
    """All but `strip_prefix`, which depends on the path, and the flags of single domains.

    Raises:
        DroppedError: A value is bad without which the route would be unguarded.
    """
    https = terms.boolean("https", terms.rules.https)
    redirect = terms.boolean("redirect-https", terms.rules.redirect_https)
    label = terms.find("redirect-https")
    if redirect and not https and label:
        tell_no_https(terms, label)
    return Settings(
        scheme=terms.read("backend-scheme", read_scheme, "http"),
        https=https,
        redirect_https=https and redirect,
        certificate_resolver=terms.read("https-certresolver", read_resolver, ""),
        websocket=terms.boolean("websocket", False),
        insecure_skip_verify=terms.boolean("insecure-skip-verify", False),
        pass_host_header=terms.boolean("pass-host-header", True),
        policy=terms.read("load-balancer", read_policy, "round_robin"),
        check=_check(terms),
        middlewares=terms.read("middleware", read_middlewares, ()),
        headers=_headers(terms),
    )


def tell_no_https(terms: Terms, label: Label) -> None:
    """A redirect to TLS is asked for where there is none."""
    message = "There is no TLS to send requests to, as `https` is false."
    terms.warn("redirect-without-https", message, "Requests are not redirected.", label)


def strip_prefix(terms: Terms, path: str) -> str | None:
    """What is taken off requests on that path.

    Raises:
        DroppedError: It is bad.
    """
    read = terms.read("strip-prefix", _read_strip, None)
    prefix = path if read is True else terms.path("strip-prefix", read)
    if prefix is None or prefix == "/":
        return None
    label = terms.find("strip-prefix")
    if label and not (_within(path, prefix) or _within(prefix, path)):
        message = f"No request for {quoted(path)} begins with {quoted(prefix)}."
        terms.warn("strip-mismatch", message, "Nothing will ever be taken off.", label)
    return prefix


def _read_strip(text: str) -> tuple[str, bool] | Literal[True] | None:
    if text.startswith("/"):
        return read_path(text)
    try:
        return read_boolean(text) or None
    except BadValueError:
        return read_path(text)


def _within(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def _read_check(text: str) -> tuple[str, bool] | None:
    if text.startswith("/"):
        return read_path(text)
    try:
        return ("/", False) if read_boolean(text) else None
    except BadValueError:
        return read_path(text) if text else None


def _check(terms: Terms) -> Check | None:
    path = terms.path("health-check", terms.read("health-check", _read_check, None))
    interval = terms.read("health-check.interval", read_seconds, 10.0)
    timeout = terms.read("health-check.timeout", read_seconds, 3.0)
    status = terms.read("health-check.status", read_status, None)
    if path is None:
        _tell_unchecked(terms)
        return None
    label = terms.find("health-check.timeout") or terms.find("health-check.interval")
    if timeout > interval and label:
        message = f"A check may take {timeout:g} s, but there is one every {interval:g} s."
        terms.warn("check-timeout", message, f"The timeout is {interval:g} s.", label)
    return Check(path=path, interval=interval, timeout=min(timeout, interval), status=status)


def _tell_unchecked(terms: Terms) -> None:
    if terms.find("health-check"):
        return  # it is off, or bad and told of
    for part in ("interval", "timeout", "status"):
        if label := terms.find(f"health-check.{part}"):
            message = "Without a label `health-check` nothing is checked."
            terms.warn("check-without-path", message, "It is ignored.", label)


def _headers(terms: Terms) -> tuple[tuple[str, str], ...]:
    """All that are to be set, by name. A single one wins over the list, the port's over all's."""
    found: dict[str, str] = {}
    if label := terms.find("headers"):
        _read_list(terms, label, found)
    for group in (terms.whole, terms.own):
        for name, single in group.items():
            if name.startswith(HEADER):
                try:
                    found[name.removeprefix(HEADER)] = read_value(single.value)
                except BadValueError as error:
                    terms.tell("headers.NAME", single, error)
    if len(found) > MOST_HEADERS:
        terms.findings.add(
            "too-many-headers",
            "warning",
            f"{len(found)} headers are to be set, up to {MOST_HEADERS} may be.",
            f"The first {MOST_HEADERS} by name are set.",
        )
    return tuple(sorted(found.items())[:MOST_HEADERS])


def _read_list(terms: Terms, label: Label, found: dict[str, str]) -> None:
    try:
        text = bounded(label.value)
    except BadValueError as error:
        terms.tell("headers", label, error)
        return
    for raw in text.split("|"):
        if not raw.strip():
            continue
        try:
            name, value = read_pair(raw.strip())
        except BadValueError as error:
            terms.tell("headers.NAME", label, error)
        else:
            found[name] = value
