"""Live values for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fleet.model import Container, ContainerHealth, EngineEvent, Sample

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def container(id_: str = "c" * 64, **fields: Any) -> Container:
    known: dict[str, Any] = {
        "host": "a",
        "id": id_,
        "name": "web",
        "identity": "name:web",
        "image": "busybox",
        "image_id": "sha256:1",
        "state": "running",
        "health": ContainerHealth(status="healthy", source="state"),
    }
    return Container(**(known | fields))


def event(nano: int = 1, action: str = "start", **fields: Any) -> EngineEvent:
    known: dict[str, Any] = {
        "host": "a",
        "time": NOON,
        "time_nano": nano,
        "type": "container",
        "action": action,
        "actor_id": "c" * 64,
        "name": "web",
        "exit_code": None,
        "attributes": {},
    }
    return EngineEvent(**(known | fields))


def sample(**fields: Any) -> Sample:
    known: dict[str, Any] = {
        "time": NOON,
        "cpu_percent": 50.0,
        "memory_used": 10,
        "memory_limit": 100,
        "memory_percent": 10.0,
        "network_rx": 1,
        "network_tx": 2,
        "block_read": 3,
        "block_write": 4,
        "pids": 5,
        "cpu_total": 6,
        "system_total": 7,
        "online_cpus": 2,
    }
    return Sample(**(known | fields))
