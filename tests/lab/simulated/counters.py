"""Samples of containers: counters that only follow from how long a container was at work.

Nothing is counted while nobody asks. What comes of the same run at a later time is never less.
"""

from __future__ import annotations

import math
import re

import msgspec

from tests.lab.simulated.containers import Container
from tests.lab.simulated.kinds import Document, EngineKind
from tests.lab.simulated.machine import Machine
from tests.lab.simulated.times import NEVER, stamp

_FRAME = 1500
_FULL_CIRCLE = 2 * math.pi
_GROWTH = 3600.0  # seconds in which memory grows by a quarter, and falls again
_SLOT = re.compile(rb'"<(\w+)>"')  # of a number
_NAME, _ID = re.compile(rb'"name":"[^"]*"'), re.compile(rb'"id":"[^"]*"')
_NEW_MEMORY = ("anon", "file", "inactive_anon", "active_anon", "active_file", "inactive_file")
_NEW_COUNTS = ("kernel_stack", "pgfault", "pgmajfault", "shmem", "slab", "sock", "unevictable")


class Sampler:
    """Writes the samples of one host."""

    def __init__(self, kind: EngineKind, machine: Machine) -> None:
        self._machine = machine
        self._has_slash = not kind.is_podman
        self._cpu = _template(_cpu(kind, machine.cpus))
        recorded = kind.recorded["sampled"]
        self._single = _template(_sample(kind, machine.cpus))
        self._double = _template(
            _sample(kind, machine.cpus)
            | {"preread": "<preread>", "precpu_stats": "<precpu>"}
            | ({"name": "<name>", "id": "<id>"} if "Id" not in recorded else {})
        ).replace(b"%(precpu)d", b"%(precpu)s")
        self._stub = kind.recorded["not_sampled"].encode()

    def single(self, container: Container, at: int) -> bytes:
        """Write one sample of a running container, as for `one-shot`."""
        return self._single % self._values(container, at)

    def double(self, container: Container, at: int, before: int) -> bytes:
        """Write a sample with the CPU of the one before in it, as clients of two samples want."""
        values = self._values(container, at)
        values[b"preread"] = stamp(before).encode()
        values[b"precpu"] = self._cpu % self._values(container, before)
        return self._double % values

    def stub(self, container: Container) -> bytes:
        """Write what is said of a container that does not run."""
        named = _NAME.sub(b'"name":"/%s"' % container.name.encode(), self._stub)
        return _ID.sub(b'"id":"%s"' % container.id.encode(), named)

    def _values(self, container: Container, at: int) -> dict[bytes, int | bytes]:
        load, seconds = container.made.load, container.at_work(at) / 1e9
        turn = _FULL_CIRCLE * seconds / load.wave
        # Between nothing and twice the average, and never going back when it is counted together.
        cpu = int(1e9 * load.cpu * (seconds - load.wave / _FULL_CIRCLE * math.sin(turn)))
        grown = 1 + 0.25 * (seconds % _GROWTH) / _GROWTH
        cache = load.memory // 8
        network = 0 if container.made.network == "none" else int(load.network * seconds)
        disk = int(load.disk * seconds)
        name = f"/{container.name}" if self._has_slash else container.name
        return {
            b"read": stamp(at).encode(),
            b"preread": NEVER.encode(),
            b"name": name.encode(),
            b"id": container.id.encode(),
            b"cpu": cpu,
            b"kernel": cpu // 4,
            b"user": cpu - cpu // 4,
            b"one_cpu": cpu // self._machine.cpus,
            b"system": (at - self._machine.boot) * self._machine.cpus,
            b"usage": int(load.memory * grown) + cache,
            b"anonymous": int(load.memory * grown),
            b"cache": cache,
            b"limit": self._machine.memory,
            b"received": network,
            b"received_packets": network // _FRAME,
            b"sent": network // 2,
            b"sent_packets": network // 2 // _FRAME,
            b"written": disk,
            b"read_bytes": disk // 10,
            b"processes": load.processes,
        }


def _template(document: Document) -> bytes:
    """A document with slots as a template of the `%` operator: quickest of all."""
    encoded = msgspec.json.encode(document).replace(b"%", b"%%")
    texts = ("read", "preread", "name", "id")

    def slot(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        return b'"%(' + found[1] + b')s"' if name in texts else b"%(" + found[1] + b")d"

    return _SLOT.sub(slot, encoded)


def _sample(kind: EngineKind, cpus: int) -> Document:
    """The recorded sample with slots; the recording machines have the old control groups."""
    recorded: Document = kind.recorded["sampled"]
    told = recorded | {
        "read": "<read>",
        "pids_stats": {"current": "<processes>"},
        "cpu_stats": _cpu(kind, cpus),
        "memory_stats": _memory(kind),
        "blkio_stats": _block(kind),
        "networks": {
            name: interface
            | {
                "rx_bytes": "<received>",
                "rx_packets": "<received_packets>",
                "tx_bytes": "<sent>",
                "tx_packets": "<sent_packets>",
            }
            for name, interface in recorded["networks"].items()
        },
    }
    for key in told.keys() & {"name", "id", "Id"}:
        told[key] = f"<{key.lower()}>"
    return told


def _cpu(kind: EngineKind, cpus: int) -> Document:
    recorded: Document = kind.recorded["sampled"]["cpu_stats"]
    usage: Document = recorded["cpu_usage"] | {
        "total_usage": "<cpu>",
        "usage_in_kernelmode": "<kernel>",
        "usage_in_usermode": "<user>",
        "percpu_usage": ["<one_cpu>"] * cpus,
    }
    if kind.cgroup == 2:
        del usage["percpu_usage"]
    return recorded | {"cpu_usage": usage, "system_cpu_usage": "<system>", "online_cpus": cpus}


def _memory(kind: EngineKind) -> Document:
    recorded: Document = kind.recorded["sampled"]["memory_stats"]
    told = recorded | {"usage": "<usage>", "limit": "<limit>"}
    if kind.cgroup == 2:
        told.pop("max_usage", None)
        told["stats"] = dict.fromkeys((*_NEW_MEMORY, *_NEW_COUNTS), 0) | {
            "anon": "<anonymous>",
            "active_anon": "<anonymous>",
            "file": "<cache>",
            "inactive_file": "<cache>",
        }
    elif "stats" in told:
        names = ("cache", "inactive_file", "total_cache", "total_inactive_file")
        told["stats"] = told["stats"] | dict.fromkeys(names, "<cache>")
        told["stats"] |= dict.fromkeys(("rss", "total_rss"), "<anonymous>")
    return told


def _block(kind: EngineKind) -> Document:
    recorded: Document = kind.recorded["sampled"]["blkio_stats"]
    words = ("read", "write") if kind.cgroup == 2 else ("Read", "Write")
    numbers = ("<read_bytes>", "<written>")
    told: Document = dict.fromkeys(recorded) if kind.cgroup == 2 else dict(recorded)
    told["io_service_bytes_recursive"] = [
        {"major": 8, "minor": 0, "op": word, "value": number}
        for word, number in zip(words, numbers, strict=True)
    ]
    return told
