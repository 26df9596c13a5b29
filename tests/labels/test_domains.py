from __future__ import annotations

import pytest

from labels.parsing.domains import Entry, read_domain, read_entry, read_host
from labels.parsing.values import BadValueError

LABEL = "a" * 63

GOOD = [
    ("app.example.com", "app.example.com"),
    ("APP.Example.COM", "app.example.com"),
    ("app.example.com.", "app.example.com"),
    ("intranet", "intranet"),
    ("*.example.com", "*.example.com"),
    ("*.lan", "*.lan"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("*.bücher.example", "*.xn--bcher-kva.example"),
    ("straße.example", "xn--strae-oqa.example"),  # no "ss", as the rules of 2003 have it
    ("ΟΔΟΣ.example", "xn--pxavbq.example"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
    ("ａｐｐ.example", "app.example"),  # noqa: RUF001 - wide letters are what is tested
    ("_acme.example.com", "_acme.example.com"),
    ("my_app.lan", "my_app.lan"),
    ("r3---sn.example.com", "r3---sn.example.com"),
    ("1.example.com", "1.example.com"),
    (f"{LABEL}.example", f"{LABEL}.example"),
    (f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}"),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_domains_as_they_are_matched(text: str, expected: str) -> None:
    assert read_domain(text) == expected
    assert read_domain(expected) == expected


BAD = [
    ("", "no name"),
    (".", "no name"),
    ("*", "whole first part"),
    ("*.", "no name"),
    ("a.*.com", "whole first part"),
    ("*a.com", "whole first part"),
    ("*.*.com", "whole first part"),
    (".example.com", "begins with a dot"),
    ("a..b", "part of it is empty"),
    ("a.b..", "part of it is empty"),
    ("-a.com", "no name of a domain"),
    ("a-.com", "no name of a domain"),
    ("a b.com", "space"),
    ("not a domain", "space"),
    ("$NAME.example.com", "`$NAME.example.com`"),
    ("a\u00a0b.com", "space"),
    ("a\x00.com", "no name of a domain"),
    ("a\ud800.com", "no name of a domain"),
    ("a\n.com", "space"),
    ('a".com', "no name of a domain"),
    ("a`.com", "no name of a domain"),
    ("a;b.com", "no name of a domain"),
    ("a／b.com", "no name of a domain"),  # noqa: RUF001 - what IDNA makes a slash of
    ("℀.com", "no name of a domain"),
    ("${SUB}.example.com", "variable"),
    ("{{sub}}.example.com", "variable"),
    ("xn--a.com", "no name of a domain"),
    ("xn--bcher-kva\x00.com", "no name of a domain"),
    ("♥.com", "no name of a domain"),
    (f"{LABEL}a.com", "no name of a domain"),
    ("ü" * 60 + ".com", "longer than 63"),
    (f"{LABEL}.{LABEL}.{LABEL}.{'a' * 62}", "longer than 253"),
    ("a." * 2000, "longer than 253"),
    ("10.0.0.5", "address"),
    ("10.0.0.5.", "address"),
    ("example.123", "address"),
    ("example.0x1f", "address"),
    ("2130706433", "address"),
]


@pytest.mark.parametrize(("text", "reason"), BAD)
def test_what_is_no_domain(text: str, reason: str) -> None:
    with pytest.raises(BadValueError) as caught:
        read_domain(text)
    assert reason in caught.value.reason
    caught.value.reason.encode()  # can be shown, whatever was in the label


@pytest.mark.parametrize(
    ("text", "meant"),
    [("a.lan b.lan", "a.lan,b.lan"), ("not a domain", None), (".a.lan", "*.a.lan")],
)
def test_only_what_could_be_a_domain_is_suggested(text: str, meant: str | None) -> None:
    with pytest.raises(BadValueError) as caught:
        read_domain(text)
    assert caught.value.suggestion == meant


ENTRIES = [
    ("a.lan", Entry(domain="a.lan")),
    ("a.lan:redirect", Entry(domain="a.lan", redirect=True)),
    ("a.lan :NoRedirect", Entry(domain="a.lan", redirect=False)),
    ("a.lan:no_redirect", Entry(domain="a.lan", redirect=False)),
    ("a.lan:8080", Entry(domain="a.lan", cleaned=("the port",), suggestion="a.lan")),
    ("a.lan:", Entry(domain="a.lan", cleaned=("the port",), suggestion="a.lan")),
    (
        "a.lan:443:redirect",
        Entry(domain="a.lan", redirect=True, cleaned=("the port",), suggestion="a.lan:redirect"),
    ),
    ("//a.lan", Entry(domain="a.lan", cleaned=("the scheme",), suggestion="a.lan")),
    (
        "https://a.lan:443/x/:noredirect",
        Entry(
            domain="a.lan",
            path="/x",
            redirect=False,
            cleaned=("the scheme", "the path", "the port"),
            suggestion="a.lan:noredirect",
        ),
    ),
    ("a.lan?x=1", Entry(domain="a.lan", cleaned=("the path",), suggestion="a.lan")),
    ("a.lan:secure", Entry(domain="a.lan", flag="secure", suggestion="a.lan")),
    ("a.lan:redirct", Entry(domain="a.lan", flag="redirct", suggestion="a.lan:redirect")),
]


@pytest.mark.parametrize(("text", "expected"), ENTRIES)
def test_entries_of_a_list(text: str, expected: Entry) -> None:
    assert read_entry(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":redirect", "https://", "me@a.lan", "[fd00::1]", "fd00::1", "a.lan/x y", "/x", "a:b:c"],
)
def test_what_is_no_entry(text: str) -> None:
    with pytest.raises(BadValueError):
        read_entry(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("fd00::0:5", "fd00::5"),
        ("[fd00::5]", "fd00::5"),
        ("localhost", "localhost"),
        ("My_DB.lan.", "my_db.lan"),
    ],
)
def test_hosts_of_backends(text: str, expected: str) -> None:
    assert read_host(text) == expected
