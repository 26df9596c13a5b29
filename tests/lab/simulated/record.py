"""Record what real Engines answer: ``python -m tests.lab.simulated.record [KIND ...]``.

One small file for each kind of Engine goes to ``recorded/``. What is of the machine that records
(paths, its name and kernel) is written as a usual installation says it.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.lab.cache import KINDS
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.networks import Namespace
from tests.lab.waiting import wait_until

RECORDED = Path(__file__).parent / "recorded"
_OF_THE_MOMENT = ("Date", "Content-Length", "Transfer-Encoding", "X-Reference-Id")
_DROPPED_INFO = ("Runtimes", "Containerd", "Uptime", "Swarm", "RegistryConfig")
_ONE_SHOT = "stats?stream=false&one-shot=true"


class _Recorder:
    """Asks one Engine."""

    def __init__(self, engine: Engine) -> None:
        self._api = engine.sdk().api

    def ask(self, target: str) -> tuple[dict[str, str], bytes]:
        """Return headers, without those of the moment, and body."""
        answer = self._api.get(self._api.base_url + target, timeout=10)
        kept = {k: v for k, v in answer.headers.items() if k not in _OF_THE_MOMENT}
        return kept, answer.content

    def json(self, target: str) -> Any:
        """Return a parsed body."""
        return json.loads(self.ask(target)[1])


def record(kind: str) -> dict[str, Any]:
    """Start an Engine with a few containers and ask it all that fleet asks."""
    is_podman = kind == "podman"
    with ExitStack() as stack:
        namespace = None if is_podman else stack.enter_context(Namespace())
        engine = stack.enter_context(Engine.start(kind, namespace=namespace, bridge=not is_podman))
        spec = ContainerSpec(
            health=None if is_podman else "true",
            network="none" if is_podman else "bridge",
            ports={} if is_podman else {80: 8080},
            host_config={"restart_policy": {"Name": "always"}},
        )
        begun = int(time.time())
        running = engine.run_container("web", spec)
        stopped = engine.create_container("made", ContainerSpec())
        ask = _Recorder(engine)
        if not is_podman:
            _wait_healthy(lambda: ask.json(f"/containers/{running}/json"))
        recorded = _answers(ask, running, stopped)
        engine.docker("rm", "--force", "web")
        ended = int(time.time()) + 1
        told = ask.ask(f"/events?since={begun}&until={ended}")
        recorded["headers"]["events"] = told[0]
        recorded["events"] = _by_action([json.loads(line) for line in told[1].splitlines()])
        return _scrubbed(recorded, engine)


def _wait_healthy(inspect: Callable[[], Any]) -> None:
    wait_until(lambda: inspect()["State"]["Health"]["Log"], "its health was checked")


def _answers(ask: _Recorder, running: str, stopped: str) -> dict[str, Any]:
    listed = ask.json("/containers/json?all=1")
    images = ask.json("/images/json")
    logs = f"/containers/{running}/logs?stdout=1&timestamps=1"
    info = {k: v for k, v in ask.json("/info").items() if k not in _DROPPED_INFO}
    return {
        "headers": {
            "ping": ask.ask("/_ping")[0],
            "json": ask.ask("/version")[0],
            "logs": ask.ask(logs)[0],
        },
        "version": ask.json("/version"),
        "info": info,
        "listed": next(entry for entry in listed if entry["Id"] == running),
        "inspected": ask.json(f"/containers/{running}/json"),
        "sampled": ask.json(f"/containers/{running}/{_ONE_SHOT}"),
        "not_sampled": ask.ask(f"/containers/{stopped}/{_ONE_SHOT}")[1].decode(),
        "image_listed": images[0],
        "image_inspected": ask.json(f"/images/{images[0]['Id']}/json"),
        "networks": ask.json("/networks"),
        "missing_container": ask.ask("/containers/absent/json")[1].decode(),
        "missing_image": ask.ask("/images/absent/json")[1].decode(),
    }


def _by_action(events: list[dict[str, Any]]) -> dict[str, Any]:
    """One event of each action on a container and a network."""
    return {
        event["Action"]: event
        for event in events
        if event["Type"] in ("container", "network") and ":" not in event["Action"]
    }


def _scrubbed(recorded: dict[str, Any], engine: Engine) -> dict[str, Any]:
    """Take out what is of this machine."""
    folder, kernel = re.escape(str(engine.folder)), re.escape(recorded["info"]["KernelVersion"])
    root = "/var/lib/containers/storage" if engine.kind == "podman" else "/var/lib/docker"
    text = json.dumps(recorded, indent=1)
    for pattern, usual in (
        (f"{folder}/d", root),
        (f"{folder}/x", "/var/run/docker"),
        (re.escape(engine.cgroup_parent), ""),
        (f'{re.escape(str(Path.home()))}[^ "]*/runc', "/usr/bin/runc"),
        (kernel, "6.12.48-amd64"),
        (f'"Name": "{re.escape(recorded["info"]["Name"])}"', '"Name": "recorded"'),
    ):
        text = re.sub(pattern, usual, text)
    scrubbed: dict[str, Any] = json.loads(text)
    return scrubbed


def main() -> None:
    """Record the kinds that are named, or all."""
    for kind in sys.argv[1:] or KINDS:
        recorded = record(kind)
        number = ".".join(recorded["version"]["Version"].split(".")[:2])
        name = f"{'podman' if kind == 'podman' else 'docker'}-{number}.json"
        (RECORDED / name).write_text(json.dumps(recorded, indent=1) + "\n")
        print(name)


if __name__ == "__main__":
    main()
