"""A host with its own network: a namespace, a veth pair, and ways to break the line."""

from collections.abc import Sequence
from pathlib import Path

from tests.lab.cache import program
from tests.lab.errors import LabError
from tests.lab.owners import locked, run_folders
from tests.lab.parts import Part
from tests.lab.runs import run, run_folder
from tests.lab.sweep import namespace_name, outside_link, remove_network

PREFIX = "10.91"


class Namespace(Part):
    """A network namespace reachable from this machine at ``inside``.

    Attributes:
        inside: address of the host in the namespace, ``10.91.N.2``.
        outside: address of this machine on the line, ``10.91.N.1``.
        link: near end of the line.
        far_link: far end of the line.
    """

    def __init__(self) -> None:
        self._ip = program("ip", "iproute2")
        program("nsenter", "util-linux")
        self.number = _allocate(run_folder())
        self.name = namespace_name(self.number)
        self.link = outside_link(self.number)
        self.far_link = f"flab{self.number}i"
        self.outside = f"{PREFIX}.{self.number}.1"
        self.inside = f"{PREFIX}.{self.number}.2"
        self.nsenter = ["nsenter", f"--net=/run/netns/{self.name}", "--"]
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        run([self._ip, "netns", "add", self.name])
        run([self._ip, "link", "add", self.link, "type", "veth", "peer", self.far_link])
        run([self._ip, "link", "set", self.far_link, "netns", self.name])
        run([self._ip, "addr", "add", f"{self.outside}/30", "dev", self.link])
        run([self._ip, "link", "set", self.link, "up"])
        self.run([self._ip, "addr", "add", f"{self.inside}/30", "dev", self.far_link])
        self.run([self._ip, "link", "set", "lo", "up"])
        self.link_up()

    def run(self, command: Sequence[str]) -> str:
        """Run a command inside the network (the file system is the machine's)."""
        return run([*self.nsenter, *command])

    def link_down(self) -> None:
        """Cut the line without a word: established TCP stays half-open on both sides.

        At its far end: with the near one down, packets would take the machine's default route.
        """
        self.run([self._ip, "link", "set", self.far_link, "down"])

    def link_up(self) -> None:
        """Mend the line."""
        self.run([self._ip, "link", "set", self.far_link, "up"])
        self.run([self._ip, "route", "replace", "default", "via", self.outside])

    def drop(self, port: int | None = None) -> None:
        """Swallow what comes in, for one TCP port or for all."""
        self._iptables("-A", "INPUT", *_tcp(port), "-j", "DROP")

    def reject(self, port: int | None = None) -> None:
        """Refuse TCP that comes in with a reset, for one port or for all."""
        self._iptables("-A", "INPUT", *_tcp(port), "-j", "REJECT", "--reject-with", "tcp-reset")

    def allow(self) -> None:
        """Take back every drop and reject."""
        self._iptables("-F", "INPUT")

    def _iptables(self, *words: str) -> None:
        self.run([program("iptables", "iptables"), "-w", *words])

    def close(self) -> None:
        """Remove the namespace and its line."""
        remove_network(self.number)
        (run_folder() / "nets" / str(self.number)).unlink(missing_ok=True)


def _tcp(port: int | None) -> list[str]:
    return ["-p", "tcp"] if port is None else ["-p", "tcp", "--dport", str(port)]


def _allocate(run_of_mine: Path) -> int:
    """Take the lowest network number no other owner holds; the file in ``nets`` is the claim."""
    with locked():
        taken = {int(file.name) for other in run_folders() for file in other.glob("nets/*")}
        taken |= {n for n in range(1, 255) if Path(f"/sys/class/net/{outside_link(n)}").exists()}
        for number in range(1, 255):
            if number not in taken:
                (run_of_mine / "nets" / str(number)).touch()
                return number
    raise LabError("all 254 lab networks are in use")
