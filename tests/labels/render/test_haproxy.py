from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.model import Check, Settings, Table
from labels.render.haproxy import Options, Renderer, lookup
from labels.render.options import OptionError, read_options
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.lab.haproxy import refusal
from tests.lab.tls import Authority
from tests.labels.render.breakouts import BREAKOUTS, bad_route, resolvable
from tests.labels.render.tables import EXAMPLE, LATER, member, route, table, tables

HTTP = Settings(https=False, redirect_https=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("haproxy")


@pytest.fixture(scope="module")
def choices(folder: Path) -> list[Options]:
    files = Authority(folder / "tls").server("a.example")
    both = folder / "both.pem"
    both.write_bytes(files.cert.read_bytes() + files.key.read_bytes())
    there = {"map": f"{folder}/hosts.map", "socket": f"{folder}/s", "ca_file": str(files.ca)}
    return [
        msgspec.convert(there | options, Options)
        for options in (
            {"http": ("127.0.0.1:8080", "[::1]:8080")},
            {"certificate": str(both), "acme_server": "127.0.0.1:8888", "https_port": 8443},
            {"certificate": str(both), "redirect": False, "retry_non_idempotent": True},
            {"user": "", "group": "", "log": "", "socket": "", "maxconn": 100, "retries": 0},
            {"mode": "backends"},
        )
    ]


def refused(wanted: Table, options: Options, folder: Path) -> str:
    renderer = Renderer(options)
    (folder / "hosts.map").write_bytes(renderer.render_map(wanted).body)
    before = folder / "before.cfg"
    before.write_text(
        f"global\n    stats socket {folder}/t\ndefaults\n    mode http\n    timeout client 1s\n"
        "    timeout server 1s\n    timeout connect 1s\nlisten own\n    bind 127.0.0.1:8081\n"
    )
    try:
        own = [before] if options.mode == "backends" else []
        return refusal(renderer.render(wanted).body, folder, *own)
    except MissingPartError as error:
        skip_or_fail(str(error))


@given(wanted=tables(max_routes=60), choice=st.integers(0, 4))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_haproxy_takes_any_table(
    wanted: Table, choice: int, choices: list[Options], folder: Path
) -> None:
    assert refused(resolvable(wanted), choices[choice], folder) == ""


def test_haproxy_takes_every_choice(choices: list[Options], folder: Path) -> None:
    for options in choices:
        assert refused(EXAMPLE, options, folder) == ""


@given(wanted=tables(max_routes=30))
@settings(derandomize=True, deadline=None, max_examples=12)
def test_the_map_names_each_backend_once_and_no_other(wanted: Table) -> None:
    renderer = Renderer(Options())
    body, lines = renderer.render(wanted).body.decode(), renderer.render_map(wanted).body.decode()
    backends = re.findall(r"^backend (\S+)", body, re.MULTILINE)
    entries = [line.split() for line in lines.splitlines() if not line.startswith("#")]
    assert [name for _, name in entries] == backends
    assert len(set(backends)) == len({key for key, _ in entries}) == len(wanted.routes)
    for block in body.split("\nbackend ")[1:]:
        servers = re.findall(r"^    server (\S+)", block, re.MULTILINE)
        assert len(servers) == len(set(servers))


def test_the_page_has_the_look_ups_that_the_map_is_for() -> None:
    page = Path(__file__).parents[3] / "docs" / "proxies" / "haproxy.md"
    for line in lookup("/etc/haproxy/hosts.map"):
        assert f"    {line}\n" in page.read_text()


@pytest.mark.parametrize(("text", "where"), [*BREAKOUTS, ("/a b", "check-path")])
def test_what_could_break_out_is_left_out(text: str, where: str) -> None:
    good = route("good.example", member("h/d", "10.0.0.2"), settings=HTTP)
    renderer = Renderer(Options(certificate="/c"))
    wanted = table(bad_route(text, where), good)
    rendered = renderer.render(wanted)
    assert [issue.code for issue in rendered.issues] == [f"haproxy-{where.split()[0]}"]
    assert b"h__name_3ad 10.0.0.2:80\n" in rendered.body
    entries = renderer.render_map(wanted).body.decode().splitlines()[1:]
    assert entries[-1] == "good.example/ revp.good.example"
    assert len(entries) == (1 if where in ("domain", "path") else 2)


def test_documents_depend_on_the_routes_alone(choices: list[Options]) -> None:
    kept = Renderer(choices[1])
    first, first_map = kept.render(EXAMPLE), kept.render_map(EXAMPLE)
    later = kept.render(LATER)
    turned = msgspec.structs.replace(LATER, routes=LATER.routes[::-1], revision=9)
    fresh = Renderer(choices[1])
    assert first.body != later.body == fresh.render(LATER).body == fresh.render(turned).body
    assert kept.render(EXAMPLE) == first
    assert kept.render_map(LATER) == first_map == fresh.render_map(turned)


def test_a_server_keeps_its_name_whatever_befalls_its_container() -> None:
    one = member("edge/web-1", "10.0.0.5", 8080)
    pool = [member("edge/web-2", "10.0.0.5", 8081), member("core/web-1", "10.0.0.6", weight=3)]
    changed = (
        one,
        msgspec.structs.replace(one, standing="draining"),
        msgspec.structs.replace(one, standing="off", weight=0),
        msgspec.structs.replace(one, id="edge/another", container_id="another"),
    )
    lines = []
    for each in changed:
        body = Renderer(Options()).render(table(route("a.example", each, *pool))).body.decode()
        lines.append(re.findall(r"^    server (\S+ \S+(?: weight \d+)?(?: disabled)?)", body, re.M))
    others = ["core__name_3aweb-1 10.0.0.6:80 weight 3", "edge__name_3aweb-2 10.0.0.5:8081"]
    name = "edge__name_3aweb-1 10.0.0.5:8080"
    assert [sorted(found) for found in lines] == [
        sorted([*others, f"{name}{state}"]) for state in ("", " disabled", " weight 0", "")
    ]


def test_what_haproxy_cannot_express_is_said() -> None:
    found = {(issue.code, issue.domain) for issue in Renderer(Options()).render(EXAMPLE).issues}
    assert found == {
        ("haproxy-no-certificate", ""),
        ("haproxy-certificate-resolver", "pool.example"),
        ("haproxy-middlewares", "pool.example"),
    }
    odd = Settings(check=Check(path="/ok", status=200, interval=1e9, timeout=0.0))
    assert Renderer(Options(mode="backends")).render(table(route("a", settings=odd))).issues == ()


def test_options_that_haproxy_would_refuse_are_refused() -> None:
    for given_options in (
        {"map": [""]},
        {"map": ["/a b"]},
        {"certificate": ["/a\nglobal"]},
        {"http": ["443"]},
        {"user": ["root; x"]},
        {"mode": ["all"]},
    ):
        with pytest.raises(OptionError):
            read_options(Options, given_options)
