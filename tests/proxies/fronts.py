"""Real proxies in front of a running fleet, each set up as its page in docs/proxies says."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.lab.caddy import Caddy
from tests.lab.errors import LabError
from tests.lab.file_proxy import FileProxy
from tests.lab.haproxy import Haproxy
from tests.lab.kernel import MIGRATE, migrated_connections
from tests.lab.nginx import Nginx
from tests.lab.tls import Authority
from tests.lab.traefik import Traefik
from tests.lab.waiting import wait_until
from tests.proxies.applying import PAGES, following, one_file, unit_line, words_of
from tests.proxies.site import PATIENCE, Site, ask

OURS = "http://127.0.0.1:8080"  # the fleet's address on the pages


@dataclass(frozen=True)
class Front:
    """A proxy on this machine's loopback.

    Attributes:
        log: What it, or whoever keeps its files, has to say.
        resets: Whether connections are reset as it takes new routes.
    """

    name: str
    port: int
    log: Path
    resets: bool = False


def block(page: str, language: str) -> str:
    """The first block of this language on a page."""
    found = re.search(rf"```{language}\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)
    assert found, f"{page} has no block of {language}"
    return found[1]


@contextmanager
def caddy_front(site: Site) -> Iterator[Front]:
    """Caddy asks the fleet every second, without a token. Only its ports are not the page's."""
    assert f"net.ipv4.{MIGRATE.name} = 1" in (PAGES / "caddy.md").read_text()
    with Caddy() as caddy, migrated_connections() as migrated:
        file = json.loads(block("caddy.md", "json").replace(OURS, site.url))
        file["admin"]["listen"] = caddy.admin
        file["admin"]["config"]["load_delay"] = "1s"
        load = file["admin"]["config"]["load"]
        del load["header"]
        load["url"], _, _ = load["url"].partition("?token_env=")
        load["url"] += f"?admin={caddy.admin}&http_port={caddy.port}&load_delay=1&listen=127.0.0.1"
        load["url"] += f"&https_port={caddy.tls_port}"
        caddy.run(json.dumps(file))
        yield Front("caddy", caddy.port, caddy.folder / "log", resets=not migrated)


@contextmanager
def traefik_front(site: Site) -> Iterator[Front]:
    """Traefik asks the fleet every second."""
    with Traefik() as traefik:
        file = yaml.safe_load(block("traefik.md", "yaml"))
        provider = file["providers"]["http"]
        provider["endpoint"] = provider["endpoint"].replace("http://fleet.example:8080", site.url)
        provider["pollInterval"] = "1s"
        del provider["headers"], file["providers"]["file"]
        ports = {"web": traefik.port, "websecure": traefik.tls_port}
        for name, port in ports.items():
            file["entryPoints"][name]["address"] = f"127.0.0.1:{port}"
        traefik.run(file)
        yield Front("traefik", traefik.port, traefik.folder / "log")


@contextmanager
def nginx_front(site: Site, authority: Authority) -> Iterator[Front]:
    """An nginx whose file is kept by `fleet routes apply --follow`."""
    files = authority.server("www.test")
    with Nginx() as nginx:
        places = {
            "/etc/nginx/conf.d": str(nginx.included),
            "/etc/ssl/fleet/wildcard.pem": str(files.cert),
            "/etc/ssl/fleet/wildcard.key": str(files.key),
        }
        with kept(site, nginx, "nginx.md", places, {}) as front:
            yield front


@contextmanager
def haproxy_front(site: Site, authority: Authority) -> Iterator[Front]:
    """A HAProxy whose file is kept likewise."""
    with Haproxy() as haproxy:
        one_file(authority.server("www.test"), haproxy.folder / "www.pem")
        places = {
            "/etc/haproxy/haproxy.cfg": f"{haproxy.folder}/haproxy.cfg",
            "/etc/haproxy/hosts.map": f"{haproxy.folder}/hosts.map",
            "/etc/haproxy/certs": f"{haproxy.folder}/www.pem",
        }
        own = {"socket": str(haproxy.socket)}
        with kept(site, haproxy, "haproxy.md", places, own) as front:
            yield front


@contextmanager
def kept(
    site: Site, proxy: FileProxy, page: str, places: Mapping[str, str], own: Mapping[str, str]
) -> Iterator[Front]:
    """Run the command of a page's unit, on other paths and ports."""
    words = words_of(unit_line(page), {OURS: site.url, **places})
    options = {
        "http": f"127.0.0.1:{proxy.port}",
        "https": f"127.0.0.1:{proxy.tls_port}",
        "https_port": str(proxy.tls_port),
        **own,
    }
    words += [word for item in options.items() for word in ("--set", "=".join(item))]
    with following(proxy, words):
        yield Front(proxy.name, proxy.port, proxy.folder / "follow.log")


def wait_for_routes(front: Front) -> None:
    """Wait until a proxy knows the routes.

    Raises:
        LabError: It did not learn them in time; the message ends with its log.
    """

    def serves() -> bool:
        try:
            return ask(front.port, "alone.test").status == 200
        except OSError:
            return False

    try:
        wait_until(serves, f"{front.name} serves", PATIENCE, every=0.2)
    except LabError as error:
        lines = front.log.read_text(errors="replace").splitlines()[-30:]
        raise LabError("\n".join([str(error), *lines])) from None


@contextmanager
def fronts(site: Site) -> Iterator[list[Front]]:
    """All of them, each serving what the fleet knows."""
    authority = Authority(Path(site.demo.folder) / "proxies")
    with ExitStack() as stack:
        started = [
            stack.enter_context(caddy_front(site)),
            stack.enter_context(haproxy_front(site, authority)),
            stack.enter_context(nginx_front(site, authority)),
            stack.enter_context(traefik_front(site)),
        ]
        for front in started:
            wait_for_routes(front)
        yield started
