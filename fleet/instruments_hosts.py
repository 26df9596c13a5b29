"""The hosts as metrics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import get_args

from fleet.model import HostSample, HostState, HostStatus
from web.exposition.text import Family

_STATUSES: tuple[HostStatus, ...] = get_args(HostStatus)

# By name and meaning, what of a machine's sample is told; what is not known is absent.
_MACHINE: tuple[tuple[str, str, Callable[[HostSample], float | None]], ...] = (
    ("cpus", "CPUs of the machine.", lambda sample: sample.cpus),
    ("cpu_used_cores", "CPUs in use.", lambda sample: _cores(sample.cpu_percent)),
    ("load1", "Load over one minute.", lambda sample: sample.load_1),
    ("load5", "Load over five minutes.", lambda sample: sample.load_5),
    ("load15", "Load over 15 minutes.", lambda sample: sample.load_15),
    ("memory_bytes", "Memory of the machine.", lambda sample: sample.memory_total),
    ("memory_used_bytes", "Memory in use.", lambda sample: sample.memory_used),
    ("swap_bytes", "Swap of the machine.", lambda sample: sample.swap_total),
    ("swap_used_bytes", "Swap in use.", lambda sample: sample.swap_used),
    ("disk_bytes", "Size of the disk of the Engine's data.", lambda sample: sample.disk_total),
    ("disk_used_bytes", "Use of the disk of the Engine's data.", lambda sample: sample.disk_used),
)


class HostFamilies:
    """Takes host after host; their metrics are `all`."""

    def __init__(self) -> None:
        self.containers = Family("fleet_containers", "gauge", "Containers by host and state.")
        self._up = Family("fleet_host_up", "gauge", "Whether a host that is enabled answers.")
        self._status = Family("fleet_host_status", "gauge", "1 for the status of a host.")
        self._info = Family("fleet_host", "info", "What the Engine of a host says of itself.")
        self._response = Family("fleet_host_response_seconds", "gauge", "Time of the last ping.")
        self._seen = Family(
            "fleet_host_last_seen_timestamp_seconds",
            "gauge",
            "When an enabled host last answered, in Unix time.",
        )
        self._reconnects = Family("fleet_host_reconnects", "counter", "Connections that were lost.")
        self._missed = Family(
            "fleet_host_samples_missed", "counter", "Samples of containers not taken in time."
        )
        self._dropped = Family(
            "fleet_host_log_lines_dropped", "counter", "Log lines beyond log_lines_per_second."
        )
        self._machine = [Family(f"fleet_host_{name}", "gauge", text) for name, text, _ in _MACHINE]
        self._received = Family("fleet_host_network_receive_bytes", "counter", "Bytes received.")
        self._sent = Family("fleet_host_network_transmit_bytes", "counter", "Bytes sent.")

    @property
    def all(self) -> list[Family]:
        """The metrics."""
        return [
            *(self._up, self._status, self._info, self._response, self._seen, self._reconnects),
            *(self._missed, self._dropped, *self._machine, self._received, self._sent),
            self.containers,
        ]

    def add(self, state: HostState, machine: HostSample | None) -> None:
        """Add a host; of a machine only what is of now."""
        host = state.name
        for status in _STATUSES:
            self._status.add(status == state.status, host=host, status=status)
        self._reconnects.add(state.reconnects, host=host)
        self._missed.add(state.missed_samples, host=host)
        self._dropped.add(state.log_lines_dropped, host=host)
        if state.status != "disabled":
            self._up.add(state.status == "up", host=host)
            if state.last_seen is not None:
                self._seen.add(_time(state.last_seen), host=host)
        if state.response_seconds is not None:
            self._response.add(state.response_seconds, host=host)
        if (engine := state.engine) is not None:
            self._info.add(
                1,
                host=host,
                version=engine.version,
                architecture=engine.architecture,
                operating_system=engine.operating_system,
                via=state.via,
            )
        if machine is not None and state.stale_since is None:
            self._add_machine(host, machine)

    def _add_machine(self, host: str, machine: HostSample) -> None:
        for family, (_, _, value_of) in zip(self._machine, _MACHINE, strict=True):
            if (value := value_of(machine)) is not None:
                family.add(value, host=host)
        if machine.network_rx is not None:
            self._received.add(machine.network_rx, host=host)
        if machine.network_tx is not None:
            self._sent.add(machine.network_tx, host=host)


def _cores(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _time(moment: datetime) -> float:
    return moment.timestamp()
