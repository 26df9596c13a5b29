from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.model import Check, Settings, Table
from labels.render.nginx import Options, Renderer
from labels.render.options import OptionError, read_options
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.lab.nginx import refusal
from tests.lab.tls import Authority
from tests.labels.render.breakouts import BREAKOUTS, bad_route, resolvable
from tests.labels.render.tables import EXAMPLE, LATER, member, route, table, tables

HTTP = Settings(https=False, redirect_https=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def choices(folder: Path) -> list[Options]:
    """Options that nginx can follow on this machine, as far as it does before it listens."""
    files = Authority(folder / "tls").server("a.example")
    certificate = {"certificate": str(files.cert), "certificate_key": str(files.key)}
    there = {"http": ("127.0.0.1:8080",), "https": ("127.0.0.1:8443",), "ca_file": str(files.ca)}
    return [
        msgspec.convert(there | options, Options)
        for options in (
            {},
            certificate,
            certificate | {"acme_root": "/var/www", "https_port": 8443, "fail_timeout": 2},
            {
                "certificate": f"{folder}/$ssl_server_name.pem",
                "certificate_key": f"{folder}/$ssl_server_name.key",
                "default_server": False,
                "redirect": False,
                "http2": False,
            },
            certificate
            | {"keepalive": 0, "max_fails": 0, "max_body": "10m", "retry_non_idempotent": True}
            | {"default_server": False},
        )
    ]


def refused(body: bytes, folder: Path) -> str:
    try:
        return refusal(body, folder)
    except MissingPartError as error:
        skip_or_fail(str(error))


def body_of(wanted: Table, options: Options) -> bytes:
    return Renderer(options).render(wanted).body


@given(wanted=tables(max_routes=60), choice=st.integers(0, 4))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_nginx_takes_any_table(
    wanted: Table, choice: int, choices: list[Options], folder: Path
) -> None:
    assert refused(body_of(resolvable(wanted), choices[choice]), folder) == ""


def test_nginx_takes_every_choice_and_long_names(choices: list[Options], folder: Path) -> None:
    long = ".".join(["l" * 63] * 3 + ["m" * 61])
    many = [
        route(f"{number}.{long[len(str(number)) + 1 :]}", member("h/c", "10.0.0.1"))
        for number in range(40)
    ]
    pools = [
        route(f"p{number}.example", *(member(f"h/c{n}", f"10.0.0.{n}") for n in range(40)))
        for number in range(40)
    ]
    wanted = table(*resolvable(EXAMPLE).routes, *many, *pools)
    for options in choices:
        assert refused(body_of(wanted, options), folder) == ""


def test_no_domain_is_taken_for_a_name_of_the_document(folder: Path) -> None:
    pool = (member("h/a", "10.0.0.1"), member("h/b", "10.0.0.2"))
    names = ("zone", "revp", "revp.zone", "revp-zone", "_")
    options = Options(http=("127.0.0.1:8080",), https=("127.0.0.1:8443",))
    body = body_of(table(*(route(name, *pool, settings=HTTP) for name in names)), options)
    assert refused(body, folder) == ""


def test_a_backend_named_unix_is_no_socket() -> None:
    rendered = Renderer(Options()).render(
        table(route("a.example", member("h/a", "unix"), member("h/b", "Unix"), settings=HTTP))
    )
    assert b"nix:80" not in rendered.body
    assert [issue.code for issue in rendered.issues] == ["nginx-address"] * 2


def test_each_domain_may_have_a_certificate_of_its_own() -> None:
    options = Options(certificate="/tls/{domain}.pem", certificate_key="/tls/{domain}.key")
    text = body_of(EXAMPLE, options).decode()
    assert "ssl_certificate /tls/plain.example.pem;\n    ssl_certificate_key /tls/plain." in text
    assert "ssl_certificate /tls/_.wild.example.pem;" in text
    assert text.count("ssl_reject_handshake on;") == 1
    assert b"ssl_certificate " not in body_of(EXAMPLE, Options())


@pytest.mark.parametrize(("text", "where"), BREAKOUTS)
def test_what_could_break_out_is_left_out(text: str, where: str) -> None:
    good = route("good.example", member("h/d", "10.0.0.2"), settings=HTTP)
    options = Options(certificate="/c", certificate_key="/k")
    rendered = Renderer(options).render(table(bad_route(text, where), good))
    assert [issue.code for issue in rendered.issues] == [f"nginx-{where.split()[0]}"]
    assert text.encode() not in rendered.body.replace(b"$host", b"").replace(b"a", b"") or (
        len(text) < 3
    )
    assert b"server 10.0.0.2:80;" in rendered.body


def test_a_document_depends_on_the_routes_alone(choices: list[Options]) -> None:
    kept = Renderer(choices[1])
    first = kept.render(EXAMPLE)
    later = kept.render(LATER)
    turned = msgspec.structs.replace(LATER, routes=LATER.routes[::-1], revision=9)
    assert first.body != later.body == body_of(LATER, choices[1]) == body_of(turned, choices[1])
    assert kept.render(EXAMPLE) == first


def test_what_nginx_cannot_express_is_said() -> None:
    found = {
        (issue.code, issue.severity, issue.domain)
        for issue in Renderer(Options(without=("api.lan",), skip_middlewares=True))
        .render(EXAMPLE)
        .issues
    }
    assert found == {
        ("nginx-no-certificate", "warning", ""),
        ("nginx-check", "info", "pool.example"),
        ("nginx-certificate-resolver", "info", "pool.example"),
        ("nginx-middlewares", "warning", "pool.example"),
        ("nginx-unresolved", "error", "pool.example"),
    }
    pool = [member(f"h/c{number}", f"10.0.0.{number}") for number in range(3)]
    terms = Settings(policy="first", pass_host_header=False, https=False)
    issues = Renderer(Options()).render(table(route("a.example", *pool, settings=terms))).issues
    assert {issue.code for issue in issues} == {"nginx-first", "nginx-one-host"}


def test_options_that_nginx_would_refuse_are_refused() -> None:
    for given_options in (
        {"certificate": ["/etc/x.pem"]},
        {"certificate": ["/etc/x y"], "certificate_key": ["/k"]},
        {"certificate": ["/etc/$host.pem"], "certificate_key": ["/k"]},
        {"http": ["80; return 200"]},
        {"http": ["443"]},
        {"acme_root": ["/a;b"]},
        {"max_body": ["ten"]},
    ):
        with pytest.raises(OptionError):
            read_options(Options, given_options)
    assert read_options(Options, {"http": ["80"], "https": ["443"]}).http == ("80",)


def test_a_check_of_labels_changes_nothing_that_nginx_reads() -> None:
    one = member("h/c", "10.0.0.1")
    plain = table(route("a.example", one, settings=HTTP))
    checked = msgspec.structs.replace(HTTP, check=Check(path='/"; return 200'))
    assert body_of(table(route("a.example", one, settings=checked)), Options()) == body_of(
        plain, Options()
    )
