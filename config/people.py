"""Mistakes in what `[access]` says of people and of where they log in."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from config.addresses import is_loopback
from config.models import Access, Oidc
from config.problems import Problems, shown
from config.tables import Table, report_missing
from config.urls import split_base


def check_people(access: Table, problems: Problems) -> None:
    """Check how long sessions last, where browsers reach fleet, and the provider."""
    idle, lifetime = (
        access.values.get(name, getattr(Access(), name))
        for name in ("session_idle", "session_lifetime")
    )
    if idle > lifetime:
        name = "session_idle" if "session_idle" in access.values else "session_lifetime"
        right = "session_idle should not be above session_lifetime"
        problems.add(access.origin(name), f"{idle:g} s and {lifetime:g} s", right)
    _url(access, "public_url", _fault_in_public, problems)
    oidc = access.values.get("oidc")
    if isinstance(oidc, Table):
        _check_oidc(oidc, problems)


def _check_oidc(oidc: Table, problems: Problems) -> None:
    report_missing(oidc, Oidc, problems)
    _url(oidc, "issuer", _fault_in_issuer, problems)
    if "openid" not in oidc.values.get("scopes", ("openid",)):
        right = 'it should have "openid": without it the provider does not say who somebody is'
        problems.add(oidc.origin("scopes"), "no openid", right)
    if not {"roles", "default_role"} & oidc.origins.keys():
        right = 'add roles = { "a group" = "viewer" } or default_role = "viewer"'
        problems.add(oidc.key, "nobody would be let in", right)


def _url(table: Table, name: str, fault: Callable[[str], str | None], problems: Problems) -> None:
    value = table.values.get(name)
    if value is not None and (right := fault(value)):
        problems.add(table.origin(name), f"found {shown(value)}", right)


def _fault_in_public(text: str) -> str | None:
    right = 'it should be like "https://fleet.example.com"'
    try:
        split_base(text)
    except ValueError as error:
        return f"{right}, and has {error}"
    return f"{right}, and has a path" if urlsplit(text).path else None


def _fault_in_issuer(text: str) -> str | None:
    right = 'it should be like "https://id.example.com/realms/main"'
    try:
        base = split_base(text)
    except ValueError as error:
        return f"{right}, and has {error}"
    if base.scheme == "http" and not is_loopback(base.address):
        return f"{right}: without TLS anybody on the way could be anyone"
    return None
