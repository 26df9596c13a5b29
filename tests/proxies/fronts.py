"""Real proxies in front of a running fleet, each set up as its page in docs/proxies says."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.caddy import Caddy
from tests.lab.waiting import wait_until
from tests.proxies.site import PATIENCE, Site, ask

PAGES = Path(__file__).parents[2] / "docs" / "proxies"


@dataclass(frozen=True)
class Front:
    """A proxy on this machine's loopback."""

    name: str
    port: int


def block(page: str, language: str) -> str:
    """The first block of this language on a page."""
    found = re.search(rf"```{language}\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)
    assert found, f"{page} has no block of {language}"
    return found[1]


@contextmanager
def caddy_front(site: Site) -> Iterator[Front]:
    """Caddy asks the fleet every second. Only its ports are not those of the page."""
    with Caddy() as caddy:
        file = json.loads(block("caddy.md", "json").replace("http://127.0.0.1:8080", site.url))
        file["admin"]["listen"] = caddy.admin
        file["admin"]["config"]["load_delay"] = "1s"
        load = file["admin"]["config"]["load"]
        load["url"] += f"&admin={caddy.admin}&http_port={caddy.port}&load_delay=1&listen=127.0.0.1"
        load["url"] += f"&https_port={caddy.tls_port}"
        caddy.run(json.dumps(file), environment={"FLEET_TOKEN": "none"})
        front = Front("caddy", caddy.port)
        wait_until(lambda: serves(front), f"Caddy serves: {caddy.log()}", PATIENCE)
        yield front


def serves(front: Front) -> bool:
    """Whether a proxy knows the routes."""
    try:
        return ask(front.port, "alone.test").status == 200
    except OSError:
        return False


@contextmanager
def fronts(site: Site) -> Iterator[list[Front]]:
    """All of them, each serving what the fleet knows."""
    with ExitStack() as stack:
        yield [stack.enter_context(caddy_front(site))]
