"""From the labels of a container to the routes that they ask for, in every grammar at once.

Nothing is raised, whatever the labels are: what cannot be used is told of as an issue.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from labels.model import Key, Parsed, Settings, Wish
from labels.parsing.domains import Entry, pieces, read_entry, read_host
from labels.parsing.findings import Findings, quoted, shown
from labels.parsing.grouping import Label, grouped
from labels.parsing.keys import BY_NAME, Rules
from labels.parsing.planning import Plan, planned, tell_disabled
from labels.parsing.settings import settings, strip_prefix, tell_no_https
from labels.parsing.terms import DroppedError, Terms, bounded
from labels.parsing.values import BadValueError, read_path, read_text, read_weight
from labels.routing.words import listed

__all__ = ["MOST_EXTRAS", "MOST_WISHES", "Rules", "parse"]

MOST_WISHES = 64
MOST_EXTRAS = 32
_MOST_DOMAINS = 256  # that are looked at, right or wrong
_RULES = Rules()
_NOTHING = Parsed()


def parse(
    labels: Mapping[str, str], host: str = "", container: str = "", rules: Rules = _RULES
) -> Parsed:
    """What the labels of one container ask for; `host` and `container` are for its issues."""
    findings = Findings(host, container)
    groups = grouped(labels, rules.prefix, findings)
    if groups is None:
        issues = findings.told()
        return Parsed(issues=issues) if issues else _NOTHING
    plans, disabled = planned(groups, rules, findings)
    if disabled:
        findings = Findings(host, container)  # nobody wants to hear of the rest
        tell_disabled(disabled, findings)
        return Parsed(issues=findings.told(), routed=True, enabled=False)
    found: dict[Key, Wish] = {}
    asked = 0
    for plan in plans:
        asked += _add_wishes(plan, found, max(_MOST_DOMAINS - asked, 0))
    wishes = tuple(found.values())
    if len(wishes) > MOST_WISHES or asked > _MOST_DOMAINS:
        findings.add(
            "too-many-routes",
            "error",
            f"The labels name {asked} domains, up to {MOST_WISHES} routes are made.",
            f"The first {MOST_WISHES} are made, by port and as they are listed.",
        )
    return Parsed(wishes=wishes[:MOST_WISHES], issues=findings.told(), routed=True)


def _add_wishes(plan: Plan, found: dict[Key, Wish], room: int) -> int:
    """How many domains there are; no more are looked at than there is room for."""
    try:
        domains = pieces(bounded(plan.domain.value))
    except BadValueError as error:
        _tell_bad_domain(plan.domain, error, plan.terms.findings)
        return 0
    entries = _entries(plan, domains[:room])
    if entries:
        _add_entries(plan, entries, found)
    return len(domains)


def _add_entries(plan: Plan, entries: list[Entry], found: dict[Key, Wish]) -> None:
    terms = plan.terms
    try:
        path = terms.path("backend-path", terms.read("backend-path", read_path, None))
        wish = Wish(
            domain="",
            path=path or "/",
            port=plan.port,
            settings=settings(terms),
            weight=terms.read("weight", read_weight, 1),
            backend_host=terms.read("backend-host", read_host, ""),
            title=_text(terms, "title", 200),
            description=_text(terms, "description", 1000),
            extras=_extras(terms),
        )
        for entry in entries:
            _add(_meant(wish, entry, path, plan), plan, found)
    except DroppedError:
        return  # the value that is to blame was told of


def _entries(plan: Plan, domains: list[str]) -> list[Entry]:
    entries = []
    for domain in domains:
        try:
            entries.append(read_entry(domain))
        except BadValueError as error:
            _tell_bad_domain(plan.domain, error, plan.terms.findings)
    return entries


def _tell_bad_domain(label: Label, error: BadValueError, findings: Findings) -> None:
    findings.add(
        "bad-domain",
        "error",
        f"{error.reason}. Allowed: {BY_NAME['domain'].values}.",
        "It is left out.",
        key=label.key,
        value=label.value,
        suggestion=error.suggestion,
    )


def _meant(wish: Wish, entry: Entry, path: str | None, plan: Plan) -> Wish:
    """The wish for one domain of the list."""
    terms = plan.terms
    _tell_entry(entry, path, plan, terms.findings)
    here = path or entry.path or "/"
    return msgspec.structs.replace(
        wish, domain=entry.domain, path=here, settings=_for_entry(wish.settings, entry, here, plan)
    )


def _for_entry(of_all: Settings, entry: Entry, path: str, plan: Plan) -> Settings:
    redirect = of_all.redirect_https
    if entry.redirect is not None:
        redirect = entry.redirect and of_all.https
        if entry.redirect and not of_all.https:
            tell_no_https(plan.terms, plan.domain)
    stripped = strip_prefix(plan.terms, path)
    if redirect == of_all.redirect_https and stripped is None:
        return of_all
    return msgspec.structs.replace(of_all, redirect_https=redirect, strip_prefix=stripped)


def _tell_entry(entry: Entry, path: str | None, plan: Plan, findings: Findings) -> None:
    label = plan.domain
    if entry.cleaned:
        several = len(entry.cleaned) > 1
        taken = f"{listed(entry.cleaned)} of {entry.domain} {'do' if several else 'does'}"
        action = "They are taken off." if several else "It is taken off."
        if entry.path and path is None:
            action += f" The route is for {quoted(entry.path)}, as no other label says a path."
        findings.add(
            "domain-cleaned",
            "warning",
            f"A domain is a name alone: {taken} not belong to it.",
            action,
            key=label.key,
            value=label.value,
            suggestion=entry.suggestion,
            domain=entry.domain,
        )
    if entry.flag:
        findings.add(
            "unknown-flag",
            "warning",
            f"{quoted(entry.flag)} is no flag of a domain: redirect and noredirect are.",
            "It is taken off.",
            key=label.key,
            value=label.value,
            suggestion=entry.suggestion,
            domain=entry.domain,
        )
    if "_" in entry.domain:
        findings.add(
            "domain-underscore",
            "info",
            "Names with _ work, but no public authority gives a certificate for one.",
            "The route is made.",
            key=label.key,
            value=label.value,
            domain=entry.domain,
        )


def _add(wish: Wish, plan: Plan, found: dict[Key, Wish]) -> None:
    first = found.setdefault(wish.key, wish)
    if first is wish:
        return
    same = first.port == wish.port
    plan.terms.findings.add(
        "route-twice",
        "warning" if same else "error",
        f"{wish.domain}{wish.path if wish.path != '/' else ''} is asked for twice"
        + ("." if same else f", for the ports {first.port} and {wish.port}."),
        "The second one is dropped." if same else f"It reaches port {first.port} only.",
        key=plan.domain.key,
        value=plan.domain.value,
        domain=wish.domain,
    )


def _text(terms: Terms, name: str, most: int) -> str:
    label = terms.find(name)
    if label is None:
        return ""
    text = read_text(label.value, most)
    if text.endswith("…") and len(text) > most:
        _tell_shortened(terms, label.key, label.value, most)
    return text


def _tell_shortened(terms: Terms, key: str, value: str, most: int) -> None:
    terms.findings.add(
        "text-shortened",
        "info",
        f"The text is {len(value)} characters long, up to {most} are kept.",
        "It is shortened.",
        key=key,
        value=value,
    )


def _extras(terms: Terms) -> tuple[tuple[str, str], ...]:
    """What has no meaning for proxies, by name."""
    found: dict[str, str] = {}
    for group in (terms.whole, terms.own):
        for name, label in group.items():
            if label.extra and name:
                found[shown(name, 64)] = read_text(label.value, 1000)
    if len(found) > MOST_EXTRAS:
        terms.findings.add(
            "too-many-extras",
            "warning",
            f"There are {len(found)} labels without a meaning, up to {MOST_EXTRAS} are kept.",
            f"The first {MOST_EXTRAS} by name are kept.",
        )
    return tuple(sorted(found.items())[:MOST_EXTRAS])
