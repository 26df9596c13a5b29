"""A real nginx, kept up to date as `docs/proxies/nginx.md` says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.fixtures import Lab
from tests.lab.nginx import Nginx
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until
from tests.labels.render.tables import member
from tests.proxies.applying import (
    apply,
    backend,
    check_everything,
    everything,
    following,
    forwarded,
    plain,
    unit_line,
    wait_for,
    words_of,
)
from tests.proxies.served import Served
from tests.proxies.site import load


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.fixture
def nginx(lab: Lab) -> Nginx:
    return lab.nginx()


def command(nginx: Nginx, served: Served, lab: Lab) -> list[str]:
    """The page's command, on other ports."""
    files = lab.authority().server("tls.example")
    places = {
        "http://127.0.0.1:8080": served.url,
        "/etc/nginx/conf.d": str(nginx.included),
        "/etc/ssl/fleet/wildcard.pem": str(files.cert),
        "/etc/ssl/fleet/wildcard.key": str(files.key),
    }
    options = {
        "http": f"127.0.0.1:{nginx.port}",
        "https": f"127.0.0.1:{nginx.tls_port}",
        "https_port": str(nginx.tls_port),
    }
    words = words_of(unit_line("nginx.md"), places)
    return [*words, *(word for item in options.items() for word in ("--set", "=".join(item)))]


def test_requests_reach_what_the_table_says(lab: Lab, nginx: Nginx, served: Served) -> None:
    a, b = lab.echo("a"), lab.echo("b")
    lost = member("h/lost", "name.invalid")
    served.give(
        *everything(a, b, member("h/dead", "127.0.0.1", free_port())),
        plain("named.example", lost, backend(b)),
    )
    done = apply(nginx, words := command(nginx, served, lab))
    assert done.returncode == 0, done.stderr
    assert "their backends are left out: name.invalid" in done.stderr
    wait_for(nginx, "named.example", 200, "b")
    check_everything(nginx, a)
    assert nginx.get("a.example", "/p/x%2Fy").said["target"] == "/x/y"  # as the page says
    again = apply(nginx, words)
    assert (again.returncode, "is up to date" in again.stderr) == (0, True)
    networks = ["--set", "trusted_proxies=10.0.0.0/8", "--set", "trusted_proxies=127.0.0.1"]
    assert apply(nginx, [*words, *networks]).returncode == 0
    wait_until(lambda: "192.0.2.1" in forwarded(nginx)["forwarded-for"], "it is believed")
    told = forwarded(nginx)
    assert told.pop("forwarded-for").replace(" ", "") == "192.0.2.1,127.0.0.1"
    assert told == {
        "a": "1, #2",
        "real-ip": "127.0.0.1",
        "forwarded-proto": "https",
        "forwarded-host": "b.example",
    }


def test_no_request_is_lost_by_changes_and_dead_backends(
    lab: Lab, nginx: Nginx, served: Served
) -> None:
    a, b, c = lab.echo("a"), lab.echo("b"), lab.echo("c")
    served.give(plain("a.example", backend(a), backend(b)))
    with following(nginx, command(nginx, served, lab)):
        wait_for(nginx, "a.example", 200, "a")
        with load(nginx.port, "a.example") as seen:
            for number in range(3):
                domain = f"n{number}.example"
                served.give(plain("a.example", backend(a), backend(b)), plain(domain, backend(c)))
                wait_for(nginx, domain, 200, "c")
            b.refuse()
            b.cut()
            served.give(plain("a.example", backend(a), backend(b)), plain("d.example"))
            wait_for(nginx, "d.example", 503)
            served.give(plain("a.example", backend(c)))
            wait_for(nginx, "d.example", 404)
            wait_for(nginx, "a.example", 200, "c")
    assert seen.failed == []
    assert sum(seen.answered.values()) > 50
