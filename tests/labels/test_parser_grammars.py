"""Each grammar that is found in the wild, as its own users write it, and its defaults."""

from __future__ import annotations

import msgspec
import pytest

from labels.model import Settings, Wish
from tests.labels.reading import codes, revp

A = Wish(domain="app.example.com")
B = Wish(domain="api.example.com")

Case = tuple[dict[str, str], tuple[Wish, ...]]


def but(wish: Wish, *, domain: str = "", path: str = "/", port: int, **settings: object) -> Wish:
    return msgspec.structs.replace(
        wish,
        domain=domain or wish.domain,
        path=path,
        port=port,
        settings=msgspec.structs.replace(Settings(), **settings),
    )


def told(wish: Wish, **fields: object) -> Wish:
    return msgspec.structs.replace(wish, **fields)


SPECIFICATION: list[Case] = [
    ({"domain": "app.example.com"}, (A,)),
    ({"domain": "app.example.com", "backend-port": "8080"}, (but(A, port=8080),)),
    (
        {"domain": "app.example.com", "backend-scheme": "https"},
        (but(A, port=80, scheme="https"),),
    ),
]

# What a container speaks is http where no label says it, also for those that were used to https.
DOCKER_REVP_1: list[Case] = [
    ({"domain": "app.example.com", "backend-port": "3000"}, (but(A, port=3000),)),
    ({"domain": "app.example.com", "container-port": "3000"}, (but(A, port=3000),)),
    (
        {"domain": "app.example.com", "container-port": "3000", "backend-proto": "https"},
        (but(A, port=3000, scheme="https"),),
    ),
    (
        {"domain": "app.example.com", "backend-port": "3000", "backend-path": "/api"},
        (but(A, port=3000, path="/api"),),
    ),
    (
        {"domain": "app.example.com", "backend-port": "3000", "force-ssl": "false"},
        (but(A, port=3000, redirect_https=False),),
    ),
    (
        {
            "domain": "app.example.com",
            "backend-port": "3000",
            "support-websocket": "true",
            "title": "App",
            "description": "Ours",
        },
        (told(but(A, port=3000, websocket=True), title="App", description="Ours"),),
    ),
]

DOCKER_REVP_2: list[Case] = [
    ({"8080.domain": "app.example.com"}, (but(A, port=8080),)),
    (
        {"8080.domain": "app.example.com", "9090.domain": "api.example.com"},
        (but(A, port=8080), but(B, port=9090)),
    ),
    (
        {
            "8080.domain": "app.example.com",
            "8080.backend-proto": "https",
            "8080.backend-path": "/x",
            "8080.force-ssl": "false",
            "8080.support-websocket": "true",
        },
        (but(A, port=8080, path="/x", scheme="https", redirect_https=False, websocket=True),),
    ),
    (
        {"8080.domain": "app.example.com", "8080.cloudflare-tunnel": "true"},
        (told(but(A, port=8080), extras=(("cloudflare-tunnel", "true"),)),),
    ),
]

SB_TRAEFIK: list[Case] = [
    (
        {"80.domain": "app.example.com,api.example.com:noredirect"},
        (but(A, port=80), but(B, port=80, redirect_https=False)),
    ),
    (
        {"80.domain": "app.example.com:redirect", "80.redirect-https": "false"},
        (but(A, port=80),),
    ),
    (
        {"80.domain": "app.example.com", "80.https": "false"},
        (but(A, port=80, https=False, redirect_https=False),),
    ),
    (
        {"80.domain": "app.example.com", "80.https-certresolver": "letsencrypt"},
        (but(A, port=80, certificate_resolver="letsencrypt"),),
    ),
    (
        {
            "443.domain": "app.example.com",
            "443.backend-proto": "https",
            "443.insecure-skip-verify": "true",
            "443.pass-host-header": "false",
        },
        (but(A, port=443, scheme="https", insecure_skip_verify=True, pass_host_header=False),),
    ),
    (
        {
            "80.domain": "app.example.com",
            "80.health": "/up",
            "80.info": "i",
            "80.notify": "n",
            "80.notify-priority": "5",
        },
        (
            told(
                but(A, port=80),
                extras=(
                    ("health", "/up"),
                    ("info", "i"),
                    ("notify", "n"),
                    ("notify-priority", "5"),
                ),
            ),
        ),
    ),
]

DOCKER_MONITOR: list[Case] = [
    ({"Domain": "app.example.com", "PORT": "8000"}, (but(A, port=8000),)),
    (
        {"domain": "App.Example.com", "port": "8000", "path": "/app", "scheme": "https"},
        (but(A, port=8000, path="/app", scheme="https"),),
    ),
    (
        {"domain": "app.example.com", "port": "8000", "websocket": "TRUE", "ssl_force": "False"},
        (but(A, port=8000, websocket=True, redirect_https=False),),
    ),
    (
        {"domain": "app.example.com", "port": "8000", "middleware": "auth,compress"},
        (but(A, port=8000, middlewares=("auth", "compress")),),
    ),
    (
        {"domain": "app.example.com", "port": "8000", "headers": "X-From: proxy"},
        (but(A, port=8000, headers=(("X-From", "proxy"),)),),
    ),
    ({"domain": "app.example.com", "port": "80", "ssl": "true"}, (A,)),
]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [*SPECIFICATION, *DOCKER_REVP_1, *DOCKER_REVP_2, *SB_TRAEFIK, *DOCKER_MONITOR],
)
def test_a_grammar(labels: dict[str, str], expected: tuple[Wish, ...]) -> None:
    parsed = revp(labels)
    assert parsed.issues == ()
    assert parsed.wishes == expected


# labels of which two say the same thing differently, and the port that counts
TWICE: list[tuple[dict[str, str], int, str]] = [
    ({"backend-port": "1", "container-port": "2"}, 1, "container-port"),
    ({"port": "3", "container-port": "2"}, 2, "port"),
    ({"Backend-Port": "2", "backend-port": "1"}, 1, "Backend-Port"),
    ({"backend_port": "2", "backend-port": "1"}, 1, "backend_port"),
    ({"BACKEND-PORT": "4", "port": "1"}, 4, "port"),
    ({"BACKEND-port": "4", "Backend-Port": "5"}, 4, "Backend-Port"),
]


@pytest.mark.parametrize(("labels", "port", "loser"), TWICE)
def test_of_two_spellings_one_wins(labels: dict[str, str], port: int, loser: str) -> None:
    for order in (labels, dict(reversed(labels.items()))):
        parsed = revp({"domain": "app.example.com", **order})
        assert parsed.wishes[0].port == port
        assert [(each.code, each.key) for each in parsed.issues] == [
            ("key-twice", f"snadboy.revp.{loser}")
        ]


def test_two_spellings_may_agree() -> None:
    parsed = revp({"domain": "app.example.com", "port": "80", "backend-port": " 80"})
    assert codes(parsed) == []


def test_a_port_in_a_label_of_a_port() -> None:
    parsed = revp({"8080.domain": "app.example.com", "8080.backend-port": "9090"})
    assert (parsed.wishes[0].port, codes(parsed)) == (8080, ["port-twice"])
    assert codes(revp({"8080.domain": "app.example.com", "8080.port": "8080"})) == []
