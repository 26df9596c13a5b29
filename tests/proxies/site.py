"""Three Engines with routed containers, a fleet that watches them, and a client of the proxies."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tests.cli.running import Fleet
from tests.lab.containers import ContainerSpec
from tests.lab.demo import Demo
from tests.lab.waiting import wait_until

PATIENCE = 60  # seconds for what takes 3 where nothing else runs
CLIENTS = 3  # that put a load on a proxy, each with one request at a time
DOMAIN = "snadboy.revp.80.domain"
PORT = 8081  # published by every backend but for those that name another

# Serves `/` and `/shop/`, each saying who it is. Told to stop, it lets go of its port at once and
# ends what it is answering: what a service of any worth does.
_SERVE = """
mkdir -p /www/shop; echo "$NAME root" > /www/index.html; echo "$NAME shop" > /www/shop/index.html
touch /tmp/ok; httpd -f -p 80 -h /www & trap "kill $!; sleep 0.5; exit 0" TERM; wait $!
"""


def backend(
    name: str,
    domain: str,
    labels: Mapping[str, str] | None = None,
    *,
    port: int = PORT,
    checked: bool = False,
) -> ContainerSpec:
    """A web server that is routed to; ``checked``: healthy while it has /tmp/ok and serves."""
    return ContainerSpec(
        command=("sh", "-c", _SERVE),
        environment={"NAME": name},
        health="test -e /tmp/ok && wget -q -O /dev/null http://127.0.0.1/" if checked else None,
        network="bridge",
        ports={"80/tcp": port},
        labels={
            DOMAIN: domain,
            "snadboy.revp.80.https": "false",
            **{f"snadboy.revp.80.{key}": value for key, value in (labels or {}).items()},
        },
    )


WORKLOADS: dict[str, dict[str, ContainerSpec]] = {
    "local": {
        "web-1": backend("web-1", "www.test", checked=True),
        "heavy": backend("heavy", "weighed.test", {"weight": "3"}, port=8082),
    },
    "edge-1": {
        "web-2": backend("web-2", "www.test", checked=True),
        "light": backend("light", "weighed.test", {"weight": "1"}, port=8082),
    },
    "db-1": {
        "shop": backend(
            "shop", "www.test", {"backend-path": "/shop", "strip-prefix": "true"}, port=8083
        ),
        "kept": backend("kept", "kept.test", {"backend-path": "/shop"}),
        "alone": backend("alone", "alone.test", checked=True, port=8084),
    },
}

SETTINGS = """
[revp]
recreate_grace = "8s"
drain = "2s"
"""


@dataclass(frozen=True)
class Answer:
    """What a proxy answered: ``body`` is who served it, and from which of its folders."""

    status: int
    body: str


def ask(port: int, domain: str, path: str = "/", timeout: float = 10) -> Answer:
    """Ask a proxy on this machine, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": domain, "Connection": "close"})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode(errors="replace").strip())
    finally:
        connection.close()


@dataclass(frozen=True)
class Failure:
    """A lost request: when it was sent and given up, by `time.monotonic`, and how."""

    sent: float
    ended: float
    how: str


@dataclass
class Load:
    """What came of a constant load: who answered how often, and whatever else happened."""

    answered: Counter[str] = field(default_factory=Counter)
    failed: list[Failure] = field(default_factory=list)


class Steps:
    """What was done when, to tell a lost request by."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._done: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        """Remember that this begins now."""
        self._done.append((time.monotonic(), what))

    def story(self, failed: Mapping[str, Sequence[Failure]]) -> str:
        """All steps and lost requests, by time."""
        lines = list(self._done)
        for name, lost in failed.items():
            for each in lost:
                took = each.ended - each.sent
                lines.append((each.sent, f"  {name} lost, after {took:.2f} s: {each.how}"))
        return "\n".join(f"{at - self._begun:7.2f} {what}" for at, what in sorted(lines))


@contextmanager
def load(port: int, domain: str, clients: int = CLIENTS) -> Iterator[Load]:
    """Keep asking a proxy from several clients until the block ends."""
    seen, ended, guard = Load(), threading.Event(), threading.Lock()

    def client() -> None:
        while not ended.is_set():
            begun = time.monotonic()
            try:
                answer = ask(port, domain)
                problem = "" if answer.status == 200 else f"{answer.status} {answer.body[:80]}"
            except (OSError, http.client.HTTPException) as error:
                answer, problem = None, repr(error)
            with guard:
                if problem:
                    seen.failed.append(Failure(begun, time.monotonic(), problem))
                elif answer is not None:
                    seen.answered[answer.body] += 1
            ended.wait(0.01)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join(PATIENCE)


@dataclass(frozen=True)
class Site:
    """The Engines, and the fleet that watches them."""

    demo: Demo
    fleet: Fleet

    @property
    def url(self) -> str:
        """Where the fleet's API is."""
        return f"http://{self.demo.listen}"

    def run(self, host: str, name: str, also: str) -> None:
        """Start one of the containers anew, as it is written above; it serves one domain more."""
        spec = WORKLOADS[host][name]
        domains = f"{spec.labels[DOMAIN]}, {also}"
        spec = replace(spec, labels={**spec.labels, DOMAIN: domains})
        self.demo.engines[host].run_container(name, spec)

    def docker(self, host: str, *words: str) -> str:
        """Run a docker command on a host."""
        return self.demo.engines[host].docker(*words)


@contextmanager
def running_site() -> Iterator[Site]:
    """Start the Engines and the fleet, and wait until it knows all routes."""
    with Demo(workloads=WORKLOADS, more=SETTINGS) as demo:
        fleet = Fleet(demo.config)
        with fleet.start("up") as running:
            try:
                wait_until(
                    lambda: running.poll() is not None or "3 of 3 hosts up" in status(fleet),
                    "the fleet is up",
                    PATIENCE,
                    every=0.3,
                )
                assert running.poll() is None, running.communicate()
                yield Site(demo, fleet)
            finally:
                running.terminate()
                running.communicate(timeout=30)


def status(fleet: Fleet) -> str:
    """What `fleet status` says."""
    return fleet.run("status").stdout
