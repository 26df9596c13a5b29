"""What happens, as the kinds of Engine tell it."""

from __future__ import annotations

import msgspec

from tests.lab.simulated.kinds import Document, EngineKind
from tests.lab.simulated.model import Happening
from tests.lab.simulated.times import SECOND

_PODMAN_WORDS = {"destroy": "remove"}
_PODMAN_BEFORE = {"start": "init"}
_PODMAN_AFTER = {"die": "cleanup"}
_PODMAN_SILENT = ("connect", "disconnect", "oom")
_SINCE_DURATION = (1, 42)  # an Engine tells how long a container ran


def told(kind: EngineKind, happening: Happening) -> list[bytes]:
    """Write the events of a happening, each a line."""
    write = _podman if kind.is_podman else _docker
    return [msgspec.json.encode(event) + b"\n" for event in write(kind, happening)]


def _docker(kind: EngineKind, happening: Happening) -> list[Document]:
    attributes = dict(happening.attributes)
    if kind.api < _SINCE_DURATION:
        attributes.pop("execDuration", None)
    if happening.type == "network":
        attributes |= {"name": happening.name, "type": "bridge"}
        return [_event(happening, happening.action, attributes)]
    made = happening.container.made
    attributes |= made.labels | {"image": made.image, "name": happening.name}
    legacy = {"status": happening.action, "id": happening.actor, "from": made.image}
    return [legacy | _event(happening, happening.action, attributes)]


def _podman(_kind: EngineKind, happening: Happening) -> list[Document]:
    action = happening.action
    if action in _PODMAN_SILENT:
        return []
    actions = (_PODMAN_BEFORE.get(action), _PODMAN_WORDS.get(action, action))
    made, code = happening.container.made, happening.attributes.get("exitCode")
    found = []
    for number, word in enumerate((*actions, _PODMAN_AFTER.get(action))):
        if word is None:
            continue
        attributes = made.labels | {
            "containerExitCode": code or "0",
            "image": made.image,
            "name": happening.name,
            "podId": "",
        }
        if word == "die" and code:
            attributes["exitCode"] = code
        legacy = {"status": word, "id": happening.actor, "from": made.image}
        found.append(legacy | _event(happening, word, attributes, later=number))
    return found


def _event(
    happening: Happening, action: str, attributes: dict[str, str], later: int = 0
) -> Document:
    nano = happening.nano + later
    return {
        "Type": happening.type,
        "Action": action,
        "Actor": {"ID": happening.actor, "Attributes": attributes},
        "scope": "local",
        "time": nano // SECOND,
        "timeNano": nano,
    }
