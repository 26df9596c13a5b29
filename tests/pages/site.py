"""A fleet of three real Engines, and its pages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.lab.containers import ContainerSpec
from tests.lab.demo import Demo
from tests.lab.errors import LabError
from tests.lab.reap import marked_environment
from tests.lab.waiting import wait_until
from tests.lab.workloads import WORKLOADS


class Site:
    """The demo's Engines, and `fleet up` on them.

    Attributes:
        demo: Engines, networks and containers.
        origin: Where its pages are.
    """

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.origin = f"http://{demo.listen}"

    def asked(self, path: str) -> bytes:
        """What the API answers."""
        with urlopen(f"{self.origin}{path}", timeout=20) as answer:  # noqa: S310 - our own server
            body: bytes = answer.read()
            return body

    def is_ready(self) -> bool:
        """Whether each host was tried."""
        with suppress(URLError, ConnectionError, TimeoutError):
            return bool(self.asked("/ready"))
        return False

    @contextmanager
    def cut_off(self, host: str) -> Iterator[None]:
        """The host's network is down meanwhile."""
        line = self.demo.networks[host]
        command = ["ip", "-n", line.name, "link", "set", line.far_link]
        subprocess.run([*command, "down"], check=True)
        try:
            yield
        finally:
            subprocess.run([*command, "up"], check=True)


def _is_up(site: Site, fleet: subprocess.Popen[bytes], log: Path) -> bool:
    if fleet.poll() is not None:
        raise LabError(f"fleet ended at once:\n{log.read_text()[-2000:]}")
    return site.is_ready()


@contextmanager
def open_site(
    workloads: Mapping[str, Mapping[str, ContainerSpec]] = WORKLOADS, more: str = ""
) -> Iterator[Site]:
    """Start all of it, and end it.

    Args:
        workloads: By host and container.
        more: What else is in the `hosts.toml`.

    Raises:
        MissingPartError: A part of the lab is missing.
        LabError: It did not come up.
    """
    with Demo(workloads=workloads, more=more) as demo:
        command = [str(Path(sys.executable).parent / "fleet"), "up", "--config", str(demo.config)]
        log = demo.folder / "fleet.log"
        with log.open("wb") as told:
            fleet = subprocess.Popen(
                command, env=marked_environment(demo.folder), stdout=told, stderr=told
            )
            try:
                site = Site(demo)
                wait_until(lambda: _is_up(site, fleet, log), "fleet is up", 120)
                yield site
            finally:
                fleet.terminate()
                try:
                    fleet.wait(30)
                finally:
                    fleet.kill()
                    fleet.wait()
