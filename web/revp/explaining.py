"""Why a domain answers as it does: what the command line and its page tell alike. Pure.

Of documents alone, so that the command line need not load the server.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from labels.model import RouteStatus
from labels.routing.words import listed
from web.route_documents import (
    DomainDocument,
    RouteChangeDocument,
    RoutedContainerDocument,
    RouteDocument,
    RouteIssueDocument,
)


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet routes explain --json`, and what the page of a domain shows.

    Attributes:
        domain: As the table writes it, or as it was given when nothing is known of it.
        path: What was asked for; `/` stands for the whole domain.
        complete: Whether proxies are told anything at all; `missing` hosts are waited for.
        known: What the table knows of the domain.
        covered: The wildcard domain that requests go to, as the domain itself has no route.
        containers: Those that ask for the domain, or for what covers it.
        speaking: Where none does: those with a label that speaks of it.
        changes: The latest of the domain, newest last, also from before the fleet's start.
        meant: Where nothing is known: names that may have been meant.
    """

    domain: str
    path: str = "/"
    complete: bool
    missing: tuple[str, ...]
    known: DomainDocument | None
    covered: DomainDocument | None
    containers: tuple[RoutedContainerDocument, ...]
    speaking: tuple[RoutedContainerDocument, ...]
    changes: tuple[RouteChangeDocument, ...] = ()
    meant: tuple[str, ...] = ()

    @property
    def serving(self) -> DomainDocument | None:
        """The domain whose routes get the requests, if any does."""
        for document in (self.known, self.covered):
            if document is not None and leading(document, self.path):
                return document
        return None

    @property
    def is_bad(self) -> bool:
        """Whether requests are not answered, for all that is known."""
        return not self.complete or self.status in (None, "down")

    @property
    def status(self) -> RouteStatus | None:
        """Of the domain, or of the route that the path leads to; None without one."""
        if self.serving is None:
            return None
        if self.path == "/":
            return self.serving.status
        return leading(self.serving, self.path)[0].status


def leading(document: DomainDocument, path: str) -> tuple[RouteDocument, ...]:
    """The routes that requests for a path go to: the one that is nearest, or of `/` all."""
    if path == "/":
        return document.routes
    under = [
        route for route in document.routes if f"{path}/".startswith(f"{route.path.rstrip('/')}/")
    ]
    return tuple(sorted(under, key=lambda route: len(route.path))[-1:])


def speaks_of(container: RoutedContainerDocument, domain: str) -> bool:
    """Whether a label of the container has the domain in it."""
    return speaks(container.labels, domain)


def why_none(found: Explained) -> str:
    """Why no route leads there, as far as that is known."""
    documents = [each for each in (found.known, found.covered) if each is not None]
    others = [address(each.domain, each.path) for one in documents for each in one.routes]
    if others:
        return f"there is only {listed(others)}"
    if any(each.waiting or each.issues for each in documents):
        return "what asks for it is not served"
    if found.speaking:
        return "labels speak of it, and make no route of it"
    return "nothing asks for it"


def issues_of(found: Explained) -> list[RouteIssueDocument]:
    """Those of the domain, and those of the labels of containers that ask for it."""
    of_domain = list(found.known.issues) if found.known else []
    containers = (*found.containers, *found.speaking)
    of_labels = (issue for container in containers for issue in container.issues)
    return of_domain + [issue for issue in of_labels if issue not in of_domain]


def speaks(labels: Mapping[str, str], domain: str) -> bool:
    """Whether one of the labels has the domain in it."""
    return any(domain.lower() in value.lower() for value in labels.values())


def address(domain: str, path: str) -> str:
    """As it stands in an address bar: `shop.example.com/api`."""
    return domain if path == "/" else f"{domain}{path}"
