"""What holds whatever the labels are."""

from __future__ import annotations

import random
import re
import string

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.model import Parsed, Wish
from labels.parsing.domains import pieces
from labels.parsing.findings import MOST_ISSUES
from labels.parsing.headers import NAME, VALUE
from labels.parsing.keys import KEYS
from labels.parsing.parser import MOST_WISHES, parse
from labels.parsing.values import MIDDLEWARE, PATH, RESOLVER, BadValueError, read_address

DOMAIN = re.compile(r"(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
SPELLINGS = [spelling for key in KEYS for spelling in (key.name, *key.aliases)]

# Any text at all, lone surrogates and control characters too, and what is nearly right.
anything = st.text(st.characters(), max_size=60)
domains = st.lists(
    st.one_of(
        st.sampled_from(
            ["a.lan", "*.b.lan", "bücher.example", "my_app.lan", "10.0.0.1", "a b", ""]
        ),
        st.text(string.ascii_letters + ".-_*:/ü", max_size=20),
    ).flatmap(lambda name: st.sampled_from([name, f"{name}:redirect", f"https://{name}:1/x"])),
    max_size=4,
).map(",".join)
values = st.one_of(
    domains,
    st.sampled_from(
        ["true", "false", "", "0", "8080", "/", "/api", "api/", "10s", "http", "first"]
    ),
    st.sampled_from(["X-A: 1 | X-B: {2}", "auth@file,b", 'x"; return 444; #', "`) || Host(`x"]),
    anything,
    st.just("x" * 5000),
)
names = st.one_of(st.sampled_from(SPELLINGS), st.sampled_from(["headers.X-A", "domian"]), anything)
keys = st.builds(
    "{}{}{}".format,
    st.sampled_from(["snadboy.revp.", "Snadboy.REVP.", "snadboy.rvep.", "other.", ""]),
    st.sampled_from(["", "", "80.", "8080.", "http.", "99999."]),
    names.flatmap(lambda name: st.sampled_from([name, name.upper(), name.replace("-", "_")])),
)
containers = st.dictionaries(keys, values, max_size=12)


def strings_of(wish: Wish) -> None:
    """Each text that reaches a document is one that cannot break out of it."""
    assert DOMAIN.fullmatch(wish.domain)
    assert len(wish.domain) <= 253
    settings = wish.settings
    check = settings.check.path if settings.check else "/"
    for path in (wish.path, settings.strip_prefix or "/", check):
        assert PATH.fullmatch(path)
        assert len(path) <= 255
    host = wish.backend_host
    assert not host or read_address(host) == host or DOMAIN.fullmatch(host)
    assert not settings.certificate_resolver or RESOLVER.fullmatch(settings.certificate_resolver)
    assert all(MIDDLEWARE.fullmatch(name) for name in settings.middlewares)
    for name, value in settings.headers:
        assert NAME.fullmatch(name)
        assert VALUE.fullmatch(value)
        assert not set(value) & set("\"'`\\$%{}\r\n")
    assert wish.title.isprintable()
    assert wish.description.isprintable()
    assert all(text.isprintable() for extra in wish.extras for text in extra)


def bounds_of(parsed: Parsed) -> None:
    msgspec.json.encode(parsed)
    assert len(parsed.wishes) <= MOST_WISHES
    assert len(parsed.issues) <= MOST_ISSUES
    assert len({wish.key for wish in parsed.wishes}) == len(parsed.wishes)
    for wish in parsed.wishes:
        assert 1 <= wish.port <= 65535
        assert 0 <= wish.weight <= 256
        assert wish.settings.https or not wish.settings.redirect_https
    for issue in parsed.issues:
        assert len(issue.key) + len(issue.value) + len(issue.suggestion or "") < 600
        assert issue.message
        assert issue.action


@given(labels=containers, order=st.randoms(use_true_random=False))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_whatever_the_labels_are(labels: dict[str, str], order: random.Random) -> None:
    parsed = parse(labels, "host", "name")
    bounds_of(parsed)
    for wish in parsed.wishes:
        strings_of(wish)
    shuffled = list(labels.items())
    order.shuffle(shuffled)
    assert parse(dict(shuffled), "host", "name") == parsed


def count(text: str) -> int:
    try:
        return len(pieces(text))
    except BadValueError:
        return 1


@given(text=domains, port=st.sampled_from(["", "8080.", "http."]))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_every_domain_is_a_wish_or_an_issue(text: str, port: str) -> None:
    key = f"snadboy.revp.{port}domain"
    parsed = parse({key: text})
    told = [
        issue for issue in parsed.issues if issue.severity == "error" or issue.code == "route-twice"
    ]
    assert all(issue.key == key for issue in told)
    lost = {issue.code: issue for issue in told}
    if port == "http.":
        assert set(lost) == {"bad-label-port"}
        assert parsed.wishes == ()
    elif not lost:
        assert len(parsed.wishes) == count(text)
    else:
        assert set(lost) <= {"bad-domain", "route-twice"}
        assert len(parsed.wishes) < count(text)


def test_ten_thousand_labels() -> None:
    many = {f"snadboy.revp.{n}.domain": f"a{n}.lan" for n in range(10_000)}
    parsed = parse(many)
    assert parsed.wishes == ()
    assert [issue.code for issue in parsed.issues] == ["too-many-labels"]
    huge = "\ud800" * 1_000_000
    others = {f"snadboy.rvep.{n}.domain": huge for n in range(10_000)}
    bounds_of(parse({**others, "snadboy.revp.domain": "a.lan", "snadboy.revp.title": huge}))
