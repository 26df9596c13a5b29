"""A real HAProxy, kept up to date as `docs/proxies/haproxy.md` says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from labels.model import Check
from tests.lab.fixtures import Lab
from tests.lab.haproxy import Haproxy
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until
from tests.labels.render.tables import member
from tests.proxies.applying import (
    PAGES,
    apply,
    backend,
    check_everything,
    everything,
    following,
    forwarded,
    kept_open,
    one_file,
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
def haproxy(lab: Lab) -> Haproxy:
    return lab.haproxy()


def command(haproxy: Haproxy, served: Served, lab: Lab) -> list[str]:
    """The page's command, on other ports."""
    files = lab.authority().server("tls.example")
    places = {
        "http://127.0.0.1:8080": served.url,
        "/etc/haproxy/certs": str(one_file(files, haproxy.folder / "both.pem")),
        "/etc/haproxy/": f"{haproxy.folder}/",
    }
    options = {
        "http": f"127.0.0.1:{haproxy.port}",
        "https": f"127.0.0.1:{haproxy.tls_port}",
        "https_port": str(haproxy.tls_port),
        "socket": str(haproxy.socket),
    }
    words = words_of(unit_line("haproxy.md"), places)
    return [*words, *(word for item in options.items() for word in ("--set", "=".join(item)))]


def test_requests_reach_what_the_table_says(lab: Lab, haproxy: Haproxy, served: Served) -> None:
    a, b = lab.echo("a"), lab.echo("b")
    served.give(
        *everything(a, b, member("h/dead", "127.0.0.1", free_port())),
        plain("named.example", member("h/lost", "name.invalid"), backend(b)),
    )
    done = apply(haproxy, words := command(haproxy, served, lab))
    assert done.returncode == 0, done.stderr
    wait_for(haproxy, "named.example", 200, "b")
    check_everything(haproxy, a)
    again = apply(haproxy, words)
    assert (again.returncode, "is up to date" in again.stderr) == (0, True)
    networks = ["--set", "trusted_proxies=10.0.0.0/8", "--set", "trusted_proxies=127.0.0.1"]
    assert apply(haproxy, [*words, *networks]).returncode == 0
    wait_until(lambda: "192.0.2.1" in forwarded(haproxy)["forwarded-for"], "it is believed")
    told = forwarded(haproxy)
    assert told.pop("forwarded-for").replace(" ", "") == "192.0.2.1,127.0.0.1"
    assert told == {
        "a": "1, #2",
        "real-ip": "127.0.0.1",
        "forwarded-proto": "https",
        "forwarded-host": "b.example",
    }


def test_no_request_is_lost_by_changes_and_dead_backends(
    lab: Lab, haproxy: Haproxy, served: Served
) -> None:
    a, b, c = lab.echo("a"), lab.echo("b"), lab.echo("c")
    check = Check(path="/ok", interval=0.5)
    pool = plain("a.example", backend(a), backend(b), check=check)
    served.give(pool)
    with following(haproxy, command(haproxy, served, lab)):
        wait_for(haproxy, "a.example", 200, "a")
        with load(haproxy.port, "a.example") as seen, kept_open(haproxy, "a.example") as failed:
            for number in range(3):
                domain = f"n{number}.example"
                served.give(pool, plain(domain, backend(c)))
                wait_for(haproxy, domain, 200, "c")
            b.refuse()
            b.cut()
            served.give(pool, plain("d.example", backend(c, standing="starting")))
            wait_for(haproxy, "d.example", 503)
            ready = "set server revp.d.example/h__name_3ac state ready"
            wait_until(lambda: haproxy.say(ready) == "", "its server is enabled")
            wait_for(haproxy, "d.example", 200, "c")
            served.give(plain("a.example", backend(c)))
            wait_for(haproxy, "d.example", 404)
            wait_for(haproxy, "a.example", 200, "c")
    assert seen.failed == []
    assert failed == []
    assert sum(seen.answered.values()) > 50
    assert "/ok" in a.asked


def test_backends_go_beside_a_configuration_of_ones_own(
    lab: Lab, haproxy: Haproxy, served: Served
) -> None:
    a = lab.echo("a")
    page = (PAGES / "haproxy.md").read_text()
    own = re.search(r"```haproxy\n(.*?)```", page, re.DOTALL)
    line = re.search(r"^\$ (fleet routes apply .*mode=backends.*)$", page, re.MULTILINE)
    assert own
    assert line
    both = one_file(lab.authority().server("tls.example"), haproxy.folder / "both.pem")
    main, file = haproxy.folder / "haproxy.cfg", haproxy.folder / "fleet.cfg"
    text = own[1].replace("/etc/haproxy/certs", str(both))
    text = text.replace("/etc/haproxy/", f"{haproxy.folder}/")
    text = text.replace(":80\n", f"127.0.0.1:{haproxy.port}\n")
    text = text.replace(":443 ", f"127.0.0.1:{haproxy.tls_port} ")
    main.write_text(f"global\n    stats socket {haproxy.socket} expose-fd listeners\n{text}")
    haproxy.reads(main, file)
    places = {"http://127.0.0.1:8080": served.url, "/etc/haproxy/": f"{haproxy.folder}/"}
    served.give(plain("a.example", backend(a)), plain("*.wild.example", backend(a), path="/p"))
    done = apply(haproxy, words_of(line[1], places))
    assert done.returncode == 0, done.stderr
    wait_for(haproxy, "a.example", 200, "a")
    assert haproxy.get("x.wild.example", "/p/x").status == 200
    assert haproxy.get("x.wild.example", "/").status == 404
    assert haproxy.get("b.example").status == 404
    claimed = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    told = haproxy.get("a.example", "/", headers=claimed).said["headers"]
    assert [told["x-forwarded-for"], told["x-forwarded-proto"]] == ["127.0.0.1", "http"]
