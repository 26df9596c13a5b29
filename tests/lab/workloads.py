"""Containers of the demo that do something worth watching."""

from tests.lab.containers import ContainerSpec
from tests.lab.images import HEALTHY_IMAGE

_REVP = "snadboy.revp.80"
_BURN = "while :; do i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 0.5; done"
_WRITE = "n=0; while :; do n=$((n+1)); echo $(date +%T) order $n shipped; sleep 1; done"
_CRASH = "echo starting; sleep 2; echo 'cannot reach the queue' >&2; exit 3"


def web(domain: str, host_port: int, **labels: str) -> ContainerSpec:
    """A web backend with RevP labels, published at ``host_port``."""
    return ContainerSpec(
        command=("httpd", "-f", "-v", "-p", "80", "-h", "/www"),
        network="bridge",
        ports={"80/tcp": host_port},
        labels={
            "snadboy.revp.80.domain": domain,
            "snadboy.revp.80.backend-proto": "http",
            **labels,
        },
    )


def compose(project: str, service: str) -> dict[str, str]:
    """The labels Compose gives the first container of a service."""
    prefix = "com.docker.compose"
    return {
        f"{prefix}.project": project,
        f"{prefix}.service": service,
        f"{prefix}.container-number": "1",
        f"{prefix}.oneoff": "False",
    }


def shell(script: str, **options: object) -> ContainerSpec:
    """A container that runs a shell script; ``options`` are HostConfig arguments."""
    return ContainerSpec(command=("sh", "-c", script), host_config=options)


def _health(script: str) -> ContainerSpec:
    return ContainerSpec(image=HEALTHY_IMAGE, command=("sh", "-c", script))


WORKLOADS: dict[str, dict[str, ContainerSpec]] = {
    "local": {
        "www": web("www.demo.example", 8081),
        "burner": shell(_BURN),
        "orders-log": shell(_WRITE),
        "nightly-job": shell("echo done"),
    },
    "edge-1": {
        "shop-web-1": web("shop.demo.example", 8081, **compose("shop", "web")),
        "shop-worker-1": ContainerSpec(
            command=("sh", "-c", _WRITE), labels=compose("shop", "worker")
        ),
        "cache": _health("touch /tmp/ok; while :; do sleep 60; done"),
        "crasher": shell(_CRASH, restart_policy={"Name": "always"}),
    },
    "db-1": {
        "api": web("api.demo.example", 8081),
        "queue": _health("while :; do sleep 60; done"),
        "burner": shell(_BURN, mem_limit="64m"),
        "reports": shell(_WRITE),
    },
}
"""Host -> container -> what it runs. ``cache`` is healthy, ``queue`` never."""
