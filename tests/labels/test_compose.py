from __future__ import annotations

import contextlib

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.facts import Facts, Published
from labels.preview import compose_tree
from labels.preview.compose import Compose, ComposeError, Service, read_compose
from labels.preview.compose_tree import MOST_BYTES, MOST_DEPTH, MOST_VALUES, Node

SHOP = """
name: shop
x-labels: &common
  snadboy.revp.https: true
  snadboy.revp.weight: 010
x-more: &more
  snadboy.revp.weight: 2
  snadboy.revp.title: no
services:
  web:
    image: nginx
    labels:
      <<: [*common, *more]
      snadboy.revp.domain: app.example.com
      empty:
    ports:
      - "8080:80"
      - 127.0.0.1:9000-9001:9000-9001/udp
    expose: ["3000", 80]
  api:
    container_name: api
    labels:
      - snadboy.revp.domain=api.example.com
      - snadboy.revp.headers.X-A=a=b
      - alone
    network_mode: host
"""


def service(text: str) -> Service:
    """The one service of a file, given by its fields."""
    lines = "\n".join(f"    {line}" for line in text.splitlines())
    (found,) = read_compose(f"services:\n  web:\n{lines}\n", "edge").services
    return found


def codes(found: Service | Compose) -> list[str]:
    return [issue.code for issue in found.issues]


def test_services_with_their_labels_and_ports() -> None:
    compose = read_compose(SHOP, "edge")
    web, api = compose.services
    assert (compose.project, compose.issues, web.issues, api.issues) == ("shop", (), (), ())
    assert web.labels == {
        "snadboy.revp.https": "true",
        "snadboy.revp.weight": "010",
        "snadboy.revp.title": "no",
        "snadboy.revp.domain": "app.example.com",
        "empty": "",
    }
    (container,) = web.containers
    assert container == Facts(
        host="edge",
        id="shop-web-1",
        name="shop-web-1",
        identity="compose:shop/web/1",
        labels=web.labels,
        state="running",
        ports=(
            Published(container_port=80, host_port=8080),
            Published(container_port=9000, host_port=9000, protocol="udp", host_ip="127.0.0.1"),
            Published(container_port=9001, host_port=9001, protocol="udp", host_ip="127.0.0.1"),
            Published(container_port=3000),
            Published(container_port=80),
        ),
        addresses=("shop-web-1",),
    )
    assert api.labels["snadboy.revp.headers.X-A"] == "a=b"
    assert api.labels["alone"] == ""
    assert (api.containers[0].name, api.containers[0].host_network) == ("api", True)


def published(host: int | None, container: int = 80, **more: str) -> Published:
    return Published(container_port=container, host_port=host, **more)


PORTS: list[tuple[str, list[Published], list[str]]] = [
    ('["80"]', [published(0)], ["compose-random-port"]),
    ("[80]", [published(0)], ["compose-random-port"]),
    ('["8080:80/TCP"]', [published(8080)], []),
    ("[22:22]", [published(22, 22)], []),  # no number to the base of 60
    ('["127.0.0.1:8080:80"]', [published(8080, host_ip="127.0.0.1")], []),
    ('["[::1]:8080:80"]', [published(8080, host_ip="::1")], []),
    ('["127.0.0.1::80"]', [published(0, host_ip="127.0.0.1")], ["compose-random-port"]),
    ('["8000-9000:80"]', [published(0)], ["compose-random-port"]),
    ('["8080-8081:80-81"]', [published(8080, 80), published(8081, 81)], []),
    ("[{target: 80, published: 8080}]", [published(8080)], []),
    (
        "[{target: 80, published: '8080', host_ip: 10.0.0.1, protocol: udp, mode: host}]",
        [published(8080, host_ip="10.0.0.1", protocol="udp")],
        [],
    ),
    ("[{target: 80}]", [published(0)], ["compose-random-port"]),
    ('["8080:80", "${PORT:-1}:81"]', [published(8080)], ["compose-bad-port"]),
    ("[{published: 80}]", [], ["compose-bad-port"]),
    ("[{target: 80, published: '${PORT}'}]", [], ["compose-bad-port"]),
    ('["80:0", "70000:80", "a:b", "1:2:3:4", "1-2:80-90", "9-8:1"]', [], ["compose-bad-port"] * 6),
    ('["0:80"]', [published(0)], ["compose-random-port"]),
]


@pytest.mark.parametrize(("ports", "expected", "told"), PORTS)
def test_ports(ports: str, expected: list[Published], told: list[str]) -> None:
    found = service(f"ports: {ports}")
    assert list(found.containers[0].ports) == expected
    assert codes(found) == told


def test_ports_that_are_only_exposed() -> None:
    found = service("expose: [80-81, 90/udp, ninety]")
    assert list(found.containers[0].ports) == [
        published(None, 80),
        published(None, 81),
        published(None, 90, protocol="udp"),
    ]
    assert codes(found) == ["compose-bad-port"]


def test_how_many_containers_there_are() -> None:
    assert [each.name for each in service("scale: 2").containers] == ["web-1", "web-2"]
    assert len(service("deploy: {replicas: 3}").containers) == 3
    assert service("scale: 0").containers == ()
    many = service("scale: 1000")
    assert (len(many.containers), codes(many)) == (20, ["compose-replicas"])
    clash = service("scale: 2\nports: ['8080:80']")
    assert codes(clash) == ["compose-port-clash"]
    assert len(service("scale: ${N}").containers) == 1


def test_variables_stay_and_are_told() -> None:
    found = service("labels:\n  snadboy.revp.domain: ${SUB}.a.lan\n  other: ${X}\n")
    assert found.labels["snadboy.revp.domain"] == "${SUB}.a.lan"
    (told,) = found.issues
    assert (told.code, told.host, told.container) == ("compose-variable", "edge", "web")
    assert (told.key, told.value) == ("snadboy.revp.domain", "${SUB}.a.lan")
    words = service("labels: {snadboy.revp.title: 'null', b: '', c: ~, d: null}").labels
    assert words == {"snadboy.revp.title": "null", "b": "", "c": "", "d": ""}
    escaped = service("labels: [snadboy.revp.title=5 $$]")
    assert (escaped.labels, escaped.issues) == ({"snadboy.revp.title": "5 $"}, ())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("deploy: {labels: {snadboy.revp.domain: a.lan}}", "compose-deploy-labels"),
        ("extends: {file: base.yml, service: web}", "compose-elsewhere"),
        ("label_file: ./labels", "compose-elsewhere"),
        ("network_mode: service:vpn\nports: ['8080:80']", "compose-shared-network"),
    ],
)
def test_what_is_left_aside_is_told(text: str, code: str) -> None:
    found = service(text)
    assert codes(found) == [code]
    assert (found.labels, found.containers[0].ports) == ({}, ())


def test_other_files_are_not_read() -> None:
    assert codes(read_compose("include: [a.yml]\nservices: {}\n")) == ["compose-elsewhere"]
    assert codes(service("deploy: {labels: {team: x}}")) == []


# text, and what is told, with line and column
BROKEN: list[tuple[str, str, int, int]] = [
    ("services:\n  web: [\n", "expected", 3, 1),
    ("services:\n\tweb: 1\n", "cannot start any token", 2, 1),
    ("services:\n  web:\n    labels: 5\n", "labels should be a mapping", 3, 13),
    ("services:\n  web:\n    labels: [[a]]\n", "a label should be a text", 3, 14),
    ("services:\n  web:\n    ports: 80\n", "ports should be a list", 3, 12),
    ("services:\n  web: 5\n", "the service web should be a mapping", 2, 8),
    ("services: [a]\n", "services should be a mapping", 1, 11),
    ("services:\n  a: {}\n  a: {}\n", "`a` is there twice", 3, 3),
    ("services:\n  a: *b\n", "called `b`", 2, 6),
    ("a: &a\n  b: *a\n", "called `a`", 2, 6),
    ("a: 1\n---\nb: 1\n", "second document", 2, 1),
    ("? [a]\n: b\n", "a key should be a text", 1, 3),
    ("a: {<<: 5}\n", "what is merged should be a mapping", 1, 9),
    ("a: b\x00c\n", "does not allow", 1, 5),
    ("[a]\n", "a Compose file should be a mapping", 1, 1),
    ("", "`services`", 0, 0),
    ("# nothing\n", "`services`", 0, 0),
    ("a: \ud800\n", "no file can have", 0, 0),
    ("a" * (MOST_BYTES + 1), "bytes", 0, 0),
]


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
@pytest.mark.parametrize(("text", "told", "line", "column"), BROKEN)
def test_what_is_no_compose_file(
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    told: str,
    line: int,
    column: int,
    loader: type[yaml.SafeLoader],
) -> None:
    monkeypatch.setattr(compose_tree, "_LOADER", loader)
    with pytest.raises(ComposeError) as caught:
        read_compose(text)
    assert told in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).endswith(caught.value.message)


def laughs(levels: int) -> str:
    ten = [", ".join([f"*a{level}"] * 10) for level in range(levels)]
    more = [f"a{level + 1}: &a{level + 1} [{aliases}]" for level, aliases in enumerate(ten)]
    return "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *more])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (laughs(9), "with those of aliases"),
        ("a: [" + "x, " * MOST_VALUES + "x]", "values"),
        ("a: " + "[" * (MOST_BYTES - 100), "deeper"),
        ("a: " + "{b: " * (MOST_DEPTH + 1), "deeper"),
        (
            "a: &a {"
            + ", ".join(f"k{n}: v" for n in range(5000))
            + "}\n"
            + "\n".join(f"b{n}: {{<<: *a}}" for n in range(5000)),
            "with those of aliases",
        ),
        ("services: {a: {ports: ['1-65000:1-65000']}}", None),
        ("services: {" + ", ".join(f"s{n}: {{}}" for n in range(301)) + "}", "services"),
        (
            "services: {a: {ports: [" + ", ".join(f"'{n}-{n + 900}'" for n in (1, 1000)) + "]}}",
            "ports",
        ),
    ],
    ids=["laughs", "values", "lists", "mappings", "merges", "range", "services", "ranges"],
)
def test_what_asks_for_too_much(text: str, told: str | None) -> None:
    if told is None:
        assert "compose-bad-port" in codes(read_compose(text).services[0])
        return
    with pytest.raises(ComposeError, match=told):
        read_compose(text)


def test_objects_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    found = service('labels: [!!python/object/apply:os.system "exit 1", 2001-99-99]')
    assert set(found.labels) == {"exit 1", "2001-99-99"}
    monkeypatch.setattr(compose_tree, "_LOADER", yaml.SafeLoader)  # the other one refuses this
    half = service('labels: ["\\ud800x"]')
    assert set(half.labels) == {"?x"}
    msgspec.json.encode(half)


trees = st.recursive(
    st.none() | st.text(max_size=8) | st.integers() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "labels": trees,
        "ports": trees | st.lists(st.from_regex(r"[0-9\[\].:/-]{0,12}"), max_size=3),
        "expose": trees,
        "network_mode": trees,
        "container_name": trees,
        "deploy": trees,
        "scale": trees,
    },
)


@given(
    services=st.dictionaries(st.text(max_size=5), fields | trees, max_size=3),
    cut=st.integers(0, 400),
)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_file_is_read_or_refused(services: dict[str, object], cut: int) -> None:
    whole = yaml.safe_dump({"services": services}, allow_unicode=True)
    for text in (whole, whole[:cut]):
        with contextlib.suppress(ComposeError):
            msgspec.json.encode(read_compose(text))


def test_a_node_of_nothing_has_nothing() -> None:
    nothing = Node(None, 1, 1)
    assert (nothing.fields("a"), nothing.items("a"), nothing.text("a")) == ({}, [], "")
