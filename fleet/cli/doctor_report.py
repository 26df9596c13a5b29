"""Examines hosts side by side and shows each step as it is found, host after host."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from config.models import Host
from connectors.doctor import Step, examine
from fleet.cli.output import colours, safe, write, write_json

AT_A_TIME = 16
_MARKS = {True: "\N{CHECK MARK}", False: "\N{BALLOT X}"}
_PLAIN_MARKS = {True: "+", False: "x"}


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """One host in the document of `fleet doctor --json`."""

    host: str
    target: str
    ok: bool
    steps: list[Step]


@dataclass(frozen=True)
class _Patient:
    """A host and its steps as they come; None ends them, an error ends them badly."""

    host: Host
    steps: queue.SimpleQueue[Step | BaseException | None] = field(default_factory=queue.SimpleQueue)

    def examine(self, places: threading.Semaphore) -> None:
        """Make the steps; runs in a thread of its own, which never outlives the process."""
        with places:
            try:
                for step in examine(self.host):
                    self.steps.put(step)
            except BaseException as error:  # noqa: BLE001 - raised again where the steps are read
                self.steps.put(error)
            else:
                self.steps.put(None)

    def found(self) -> Iterator[Step]:
        """The steps, each as soon as it is there."""
        while (step := self.steps.get()) is not None:
            if isinstance(step, BaseException):
                raise step
            yield step


def examine_all(hosts: Sequence[Host], *, as_json: bool) -> bool:
    """Examine and show; returns whether every step of every host went well.

    All are examined at the same time, but shown in order.
    """
    places = threading.Semaphore(AT_A_TIME)
    patients = [_Patient(host) for host in hosts]
    for patient in patients:
        threading.Thread(target=patient.examine, args=(places,), daemon=True).start()
    examined = []
    for patient in patients:
        if not as_json:
            write(f"{patient.host.name}  {patient.host.target}")
        steps = []
        for step in patient.found():
            steps.append(step)
            if not as_json:
                show(step)
        ok = all(step.ok for step in steps)
        host = patient.host
        examined.append(Examined(host=host.name, target=host.target, ok=ok, steps=steps))
    if as_json:
        write_json({"hosts": examined})
    else:
        well = sum(each.ok for each in examined)
        write(f"\n{well} of {len(examined)} hosts can be reached")
    return all(each.ok for each in examined)


def show(step: Step) -> None:
    """Write one step: a word beside the mark, so that no colour is needed."""
    encodable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    mark = (_MARKS if encodable else _PLAIN_MARKS)[step.ok]
    word = f"{mark} {'ok    ' if step.ok else 'failed'}"
    if colours():
        word = f"\x1b[{32 if step.ok else 31}m{word}\x1b[0m"
    write(f"  {word}  {step.name:<18}  {safe(step.detail)}")
    if step.hint and not step.ok:
        write(f"{'':28}next: {safe(step.hint)}")
    sys.stdout.flush()
