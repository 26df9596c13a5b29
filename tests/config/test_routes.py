"""`[revp]`, `[[routes]]` and what hosts say to proxies: what is read, and what is refused."""

from __future__ import annotations

from typing import get_args

import pytest

import labels.model
import labels.parsing.values
from config import models
from config.models import Revp, Route
from config.route_checks import LONGEST_PATH, PATH
from config.urls import Backend, split_backend
from labels.parsing.values import BadValueError, read_path
from tests.config.conftest import Good, Mistakes

HOSTS = '[hosts.a]\nconnection = "local"\n'
ROUTE = '[[routes]]\ndomain = "a.lan"\nbackend_url = "http://10.0.0.5:80"\n'
REVP = "[revp]\n"


def test_what_is_left_out_is_as_revp_says(good: Good) -> None:
    plain = good(HOSTS + ROUTE)
    assert plain.revp == Revp()
    assert plain.routes == (Route(domain="a.lan", backend_url="http://10.0.0.5:80"),)
    config = good(REVP + "https = false\n" + ROUTE + ROUTE + 'https = true\npath = "/x"\n' + HOSTS)
    first, second = config.routes
    assert (first.https, first.redirect_https) == (False, False)
    assert (second.https, second.redirect_https) == (True, True)
    kept = good(REVP + "redirect_https = false\n" + ROUTE + HOSTS)
    assert kept.routes[0].redirect_https is False


def test_every_key_is_read(good: Good) -> None:
    config = good(
        """
        [revp]
        prefix = "example"
        https = false
        redirect_https = false
        drain = 0
        recreate_grace = "2m"
        mass_removal = 0
        mass_removal_hold = "1h"
        host_wait = "5s"
        proxies = ["http://10.0.0.4:2019/admin", "https://[::1]", "unix:///run/haproxy.sock"]
        [[routes]]
        domain = "*.Bücher.example"
        backend_url = "https://nas.lan/"
        path = "/a/b/"
        strip_prefix = "/a/"
        https = true
        redirect_https = false
        websocket = true
        insecure_skip_verify = true
        weight = 0
        policy = "least_conn"
        pass_host_header = false
        """
        + HOSTS
    )
    assert config.revp == Revp(
        prefix="example",
        https=False,
        redirect_https=False,
        drain=0,
        recreate_grace=120,
        mass_removal=0,
        mass_removal_hold=3600,
        host_wait=5,
        proxies=("http://10.0.0.4:2019/admin", "https://[::1]", "unix:///run/haproxy.sock"),
    )
    (route,) = config.routes
    assert route == Route(
        domain="*.Bücher.example",
        backend_url="https://nas.lan/",
        path="/a/b",
        strip_prefix="/a",
        redirect_https=False,
        websocket=True,
        insecure_skip_verify=True,
        weight=0,
        policy="least_conn",
        pass_host_header=False,
    )
    assert route.backend == Backend("https", "nas.lan", 443)


@pytest.mark.parametrize(
    ("keys", "stripped"),
    [
        ("", None),
        ('path = "/a"', None),
        ('path = "/a"\nstrip_prefix = true', "/a"),
        ("strip_prefix = true", None),
        ('strip_prefix = "/"', None),
        ('strip_prefix = "/b"', "/b"),
        ('path = "/a/b/"\nstrip_prefix = "/a/"', "/a"),
    ],
)
def test_what_is_stripped(good: Good, keys: str, stripped: str | None) -> None:
    assert good(ROUTE + keys + "\n" + HOSTS).routes[0].stripped == stripped


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("http://10.0.0.5", ("http", "10.0.0.5", 80)),
        ("https://NAS.lan", ("https", "nas.lan", 443)),
        ("http://[fd00::5]:8080/", ("http", "fd00::5", 8080)),
        ("HTTP://nas:65535", ("http", "nas", 65535)),
    ],
)
def test_backends(url: str, backend: tuple[str, str, int]) -> None:
    assert split_backend(url) == backend


def test_routes_of_equal_terms_are_a_pool(good: Good) -> None:
    more = (
        '[[routes]]\ndomain = "A.lan."\nbackend_url = "http://10.0.0.6"\nweight = 3\n'
        'path = "/"\nhttps = true\nstrip_prefix = "/"\n'
    )
    assert len(good(ROUTE + more + HOSTS).routes) == 2


def test_where_proxies_reach_hosts(good: Good) -> None:
    config = good(
        '[defaults.ssh]\ncontainer_ip = true\n[hosts.here]\nconnection = "local"\n'
        '[hosts.tcp]\nconnection = "tcp"\naddress = "10.0.0.5"\ninsecure = true\n'
        'route_address = "fd00::5"\n[hosts.ssh]\nconnection = "ssh"\naddress = "10.0.0.6"\n'
    )
    reached = {name: (host.routed_by, host.container_ip) for name, host in config.hosts.items()}
    assert reached == {
        "here": ("127.0.0.1", False),
        "tcp": ("fd00::5", False),
        "ssh": ("10.0.0.6", True),
    }


def test_policies_and_paths_are_those_of_labels() -> None:
    assert get_args(models.Policy) == get_args(labels.model.Policy)
    assert PATH.pattern == labels.parsing.values.PATH.pattern
    assert read_path(f"/{'a' * (LONGEST_PATH - 1)}")
    with pytest.raises(BadValueError):
        read_path(f"/{'a' * LONGEST_PATH}")


LIKE_A_URL = 'it should be a URL like "http://10.0.0.4:2019"'

# text, then of each mistake: line, key, and words that its message must have
CASES: list[tuple[str, list[tuple[int | None, str, str]]]] = [
    ("revp = 5\n", [(1, "revp", "found 5; it should be a table")]),
    ("[rvp]\n", [(1, "rvp", 'did you mean "revp"?')]),
    (REVP + "htps = true\n", [(2, "revp.htps", 'did you mean "https"?')]),
    (REVP + "prefix = 'a b'\n", [(2, "revp.prefix", 'found "a b"; it should be like "snadboy')]),
    (REVP + "prefix = 'a.'\n", [(2, "revp.prefix", "no dot at its end")]),
    (REVP + "drain = -1\n", [(2, "revp.drain", "found -1; it should be a time in seconds")]),
    (REVP + "host_wait = '8d'\n", [(2, "revp.host_wait", "from 0 s to 7 days")]),
    (REVP + "mass_removal = 1.5\n", [(2, "revp.mass_removal", "a number from 0 to 1")]),
    (REVP + "mass_removal = -0.1\n", [(2, "revp.mass_removal", "found -0.1")]),
    (REVP + "proxies = 'x'\n", [(2, "revp.proxies", "a list of a URL like")]),
    (
        REVP + "proxies = ['http://ok', 5,\n'ftp://x']\n",
        [
            (2, "revp.proxies[1]", "found a number; " + LIKE_A_URL),
            (3, "revp.proxies[2]", 'and has the scheme "ftp"'),
        ],
    ),
    (REVP + "proxies = ['nas:2019']\n", [(2, "revp.proxies[0]", "and has no scheme")]),
    (REVP + "proxies = ['http://u:p@nas']\n", [(2, "revp.proxies[0]", "found text; it should")]),
    (REVP + "proxies = ['unix://run/x']\n", [(2, "revp.proxies[0]", "has no absolute path")]),
    (REVP + "proxies = ['http://nas/?a']\n", [(2, "revp.proxies[0]", "more than a host, a port")]),
    ("routes = 5\n", [(1, "routes", "found 5; each route is a table in a list: [[routes]]")]),
    ("[routes]\n", [(1, "routes", "each route is a table in a list: [[routes]]")]),
    ("routes = [5]\n", [(1, "routes[0]", "found 5; it should be a table")]),
    (
        "[[routes]]\n\n[[routes]]\ndomian = 'a.lan'\n",
        [
            (1, "routes[0].domain", "missing; add domain: text in quotes, not empty"),
            (1, "routes[0].backend_url", "missing; add backend_url"),
            (3, "routes[1].domain", "missing"),
            (3, "routes[1].backend_url", "missing"),
            (4, "routes[1].domian", 'unknown key; did you mean "domain"?'),
        ],
    ),
    (ROUTE + "weight = 257\n", [(4, "routes[0].weight", "a whole number from 0 to 256")]),
    (ROUTE + "weight = -1\n", [(4, "routes[0].weight", "found -1")]),
    (ROUTE + "policy = 'roundrobin'\n", [(4, "routes[0].policy", 'mean "round_robin"?')]),
    (ROUTE + "websocket = 1\n", [(4, "routes[0].websocket", "it should be true or false")]),
    (ROUTE + "path = 'api'\n", [(4, "routes[0].path", "an absolute path")]),
    (ROUTE + "path = '/a b'\n", [(4, "routes[0].path", 'it should be like "/api"')]),
    (ROUTE + "path = '/ä'\n", [(4, "routes[0].path", "letters, digits and")]),
    (ROUTE + "path = '/%20'\n", [(4, "routes[0].path", "letters, digits and")]),
    (ROUTE + f"path = '/{'a' * 255}'\n", [(4, "routes[0].path", "at most 255 characters")]),
    (ROUTE + "path = '/a?b'\n", [(4, "routes[0].path", "without ? or #")]),
    (ROUTE + "path = '//'\n", [(4, "routes[0].path", "one / at a time")]),
    (ROUTE + "path = '/a/../b'\n", [(4, "routes[0].path", "without . and ..")]),
    (ROUTE + "strip_prefix = 5\n", [(4, "routes[0].strip_prefix", "true or false or an absolute")]),
    (ROUTE + "strip_prefix = 'x'\n", [(4, "routes[0].strip_prefix", 'found "x"')]),
    (ROUTE + "strip_prefix = '/a b'\n", [(4, "routes[0].strip_prefix", 'like "/api"')]),
    (
        ROUTE + "path = '/ab'\nstrip_prefix = '/a'\n",
        [(5, "routes[0].strip_prefix", "no request of the path /ab begins with it")],
    ),
    (
        ROUTE + "https = false\nredirect_https = true\n",
        [(5, "routes[0].redirect_https", "there is nothing to redirect to")],
    ),
    (
        ROUTE + "insecure_skip_verify = true\n",
        [(4, "routes[0].insecure_skip_verify", "plain http has no certificate")],
    ),
    (
        ROUTE
        + '[[routes]]\ndomain = "A.lan"\nbackend_url = "https://10.0.0.6"\nwebsocket = true\n',
        [
            (
                5,
                "routes[1].domain",
                "the domain and path of routes[0] (line 1), on other terms: websocket, the scheme"
                " of backend_url; make them equal for one pool",
            )
        ],
    ),
    (
        ROUTE + '[[routes]]\ndomain = "a.lan"\nbackend_url = "http://10.0.0.5/"\n',
        [(6, "routes[1].backend_url", "the same backend as routes[0] (line 1)")],
    ),
    (HOSTS + "container_ip = 1\n", [(3, "hosts.a.container_ip", "it should be true or false")]),
    (
        HOSTS + 'route_address = "10.0.0.1:80"\n',
        [(3, "hosts.a.route_address", "it should be the host alone")],
    ),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_mistake_is_placed_and_explained(
    mistakes: Mistakes, text: str, expected: list[tuple[int | None, str, str]]
) -> None:
    found = mistakes(text)
    assert [(problem.line, problem.key) for problem in found] == [case[:2] for case in expected]
    for problem, (_, _, words) in zip(found, expected, strict=True):
        assert words in str(problem)


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("https://a.lan", "without a scheme"),
        ("a.lan/x", "the path goes into path"),
        ("a.lan:80", "without a port"),
        ("a b.lan", 'like "app.example.com"'),
        ("a..lan", "without an empty part"),
        ("-a.lan", 'like "app.example.com"'),
        ("10.0.0.5", "addresses are no domains"),
        ("a.7.", "addresses are no domains"),
        ("a.*.lan", "an asterisk stands for the whole first part"),
        ("*", "an asterisk stands for the whole first part"),
        ("*.", 'like "app.example.com"'),
        (f"{'a' * 64}.lan", "63 between dots"),
        ("a`b.lan", 'like "app.example.com"'),
        ("a\\u0000.lan", 'like "app.example.com"'),
        ("a\\u2028.lan", 'like "app.example.com"'),
    ],
)
def test_domains_that_are_none(mistakes: Mistakes, domain: str, words: str) -> None:
    text = ROUTE.replace("a.lan", domain) + HOSTS
    (problem,) = mistakes(text)
    assert (problem.line, problem.key) == (2, "routes[0].domain")
    assert words in problem.right


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("10.0.0.5:80", "no scheme"),
        ("tcp://10.0.0.5", 'the scheme "tcp"'),
        ("http://10.0.0.5/api", "more than a host and a port"),
        ("http://10.0.0.5?x", "more than a host and a port"),
        ("http://u:secret@10.0.0.5", "a user or password"),
        ("http://", "no host"),
        ("http://:80", "no host"),
        ("http://a..b", "no usable host"),
        ("http://[::1:80", "brackets without an IPv6 address"),
        ("http://a:0", "port 0"),
        ("http://a:65536", "a port that is none"),
        ("http://a:b", "a port that is none"),
        ("http://a b", "a space"),
        ("http://a\\tb", "cannot be printed"),
    ],
)
def test_backend_urls_that_are_none(mistakes: Mistakes, url: str, words: str) -> None:
    (problem,) = mistakes(ROUTE.replace("http://10.0.0.5:80", url) + HOSTS)
    assert (problem.line, problem.key) == (3, "routes[0].backend_url")
    assert words in problem.found
    assert "secret" not in str(problem)
