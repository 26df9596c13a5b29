"""What labels would make: a running fleet tells, or it is worked out here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fleet.cli.api import RefusedError
from fleet.cli.errors import USAGE, CommandError, unknown_host
from fleet.cli.output import note
from fleet.client.asking import Body
from labels.facts import Place
from labels.model import Table
from labels.parsing.keys import Rules
from labels.preview.compose import Compose, ComposeError, read_compose
from labels.preview.previewing import preview
from web.revp.previewing import ANYWHERE, describe_preview
from web.route_documents import PreviewDocument

if TYPE_CHECKING:
    from config.models import Config
    from fleet.cli.api import Api

PATH = "/api/revp/preview"
HINT = "`docker compose config` shows what Compose makes of it"
# What a fleet that is older, or has no routes, answers.
_CANNOT = frozenset({"unknown-path", "method-not-allowed", "body-too-large", "routes-unavailable"})
_UNFIT = re.compile(r"[^a-z0-9_-]")


@dataclass(frozen=True)
class Asked:
    """What is to be previewed: a Compose file's text, or the labels of one container."""

    compose: str = ""
    labels: Mapping[str, str] | None = None

    def body(self) -> Body:
        """As the API takes it."""
        said = {"compose": self.compose} if self.labels is None else {"labels": self.labels}
        return Body(data=msgspec.json.encode(said))


def project_of(path: Path) -> str:
    """What Compose calls the project of a file that does not say it."""
    named = os.environ.get("COMPOSE_PROJECT_NAME", "")
    folder = Path.cwd() if str(path) == "-" else path.resolve().parent
    return _UNFIT.sub("", (named or folder.name).lower()).lstrip("_-")


def with_project(text: str, project: str) -> str:
    """The file with the name of its project, which tells what its containers would replace.

    Behind all else, so that lines keep their numbers. A file to which nothing can be added, or
    that cannot be read, stays as it is.
    """
    try:
        if not project or read_compose(text).project:
            return text
        named = f'{text.rstrip()}\nname: "{project}"\n'
        return named if read_compose(named).project == project else text
    except ComposeError:
        return text


def ask(api: Api, asked: Asked, host: str | None) -> PreviewDocument | None:
    """What a running fleet makes of it, also where that meets its routes; None if it cannot.

    Raises:
        CommandError: What is asked cannot be read, or there is no such host.
    """
    hosts = {each.name: each.status != "disabled" for each in api.hosts()}
    if host is None:
        names = [name for name, is_enabled in hosts.items() if is_enabled]
        host = names[0] if len(names) == 1 else None
    elif host not in hosts:
        raise unknown_host(host, hosts)
    try:
        return api.post(PATH, PreviewDocument, asked.body(), {"host": host} if host else None)
    except RefusedError as error:
        if error.kind == "bad-body":
            what = "the labels" if asked.labels is not None else "the Compose file"
            hint = HINT if asked.labels is None else ""
            raise CommandError(error.message.replace("The body", what), hint) from error
        if error.kind not in _CANNOT:
            raise
        note(f"fleet: who is served now is not known: {error.message}")
        return None


def work_out(config: Config | None, asked: Asked, host: str | None) -> PreviewDocument:
    """The same by the configuration alone; nobody is served now.

    Raises:
        CommandError: What is asked cannot be read, or there is no such host.
    """
    place, rules = _place(config, host), Rules()
    if config is not None:
        from fleet.revp.facts import rules_of

        rules = rules_of(config.revp)
    source: Compose | Mapping[str, str] = asked.labels or {}
    if asked.labels is None:
        try:
            source = read_compose(asked.compose, place.name, rules)
        except ComposeError as error:
            raise CommandError(f"the Compose file cannot be read: {error}.", HINT) from error
    found = preview(source, place, rules, now=datetime.now(UTC))
    return describe_preview(found, place, Table())


def _place(config: Config | None, name: str | None) -> Place:
    """The host that is named, or the only one there is."""
    from fleet.cli.settings import pick_host
    from fleet.revp.facts import place_of

    if config is None:
        if name is not None:
            raise CommandError("there is no hosts.toml to look --host up in", code=USAGE)
        return ANYWHERE
    if name is not None:
        return place_of(pick_host(config, name), None)
    hosts = [host for host in config.hosts.values() if host.enabled]
    return place_of(hosts[0], None) if len(hosts) == 1 else ANYWHERE
