from __future__ import annotations

import pytest

from config.positions import scan
from config.problems import Key

TRICKY = '''\
# a comment with [brackets] and key = "value"
top = 1

[ fleet ] # spaced
listen = "a # no comment"
text = """
[not.a.header]
also = "not a key" \\""" still
"""
raw = \'\'\'
x = 'y' \'\'\'
list = [
  "one", # ], a comment
  { name = "two", deep = [1,
     2] },
]
site."fra.1".rack = 7
inline = { a = 1, b.c = "}", d = { e = [] } }
date = 1979-05-27 07:32:00 # with a space
after = 1
["hosts"."db.lan"]
'lit"eral' = 1
"esc\\u0061ped" = 2

[[many]]
x = 1
[many.inner]
y = 1
[[many]]
x = 2
[many.inner]
y = 2
[deep.in.side]
z = 1
[deep]
w = 1
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("top",), 2),
        (("fleet",), 4),
        (("fleet", "listen"), 5),
        (("fleet", "text"), 6),
        (("fleet", "raw"), 10),
        (("fleet", "list"), 12),
        (("fleet", "list", 0), 13),
        (("fleet", "list", 1, "deep"), 14),
        (("fleet", "list", 1, "deep", 1), 15),
        (("fleet", "site", "fra.1", "rack"), 17),
        (("fleet", "site"), 17),
        (("fleet", "inline", "b", "c"), 18),
        (("fleet", "inline", "d", "e"), 18),
        (("fleet", "date"), 19),
        (("fleet", "after"), 20),
        (("hosts", "db.lan"), 21),
        (("hosts", "db.lan", 'lit"eral'), 22),
        (("hosts", "db.lan", "escaped"), 23),
        (("many",), 25),
        (("many", 0, "x"), 26),
        (("many", 0, "inner", "y"), 28),
        (("many", 1, "x"), 30),
        (("many", 1, "inner", "y"), 32),
        (("deep", "in", "side", "z"), 34),
        (("deep", "w"), 36),
        (("deep",), 35),
    ],
)
def test_every_key_has_its_line(key: Key, line: int) -> None:
    assert scan(TRICKY).line(key) == line


def test_what_was_only_read_inside_a_string_is_no_key() -> None:
    positions = scan(TRICKY)
    assert positions.line(("not",)) is None
    assert positions.line(("fleet", "also")) == 4
    assert positions.duplicates == []


def test_a_missing_key_has_the_line_of_its_table() -> None:
    assert scan(TRICKY).line(("hosts", "db.lan", "address")) == 21
    assert scan(TRICKY).line(("nowhere",)) is None


@pytest.mark.parametrize(
    "odd",
    [
        "= 1",
        "x",
        "x = ",
        'x = "open',
        "x = [1, ]]",
        "[[x",
        "[",
        "x = {a = , b}",
        "x y = 1",
        "]",
        "'",
    ],
)
def test_it_goes_on_after_what_it_does_not_understand(odd: str) -> None:
    assert scan(f"[a]\n{odd}\n[b]\nc = 1\n").line(("b", "c")) == 4


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, 'x = """' + "a" * 100_000, "", "\n\n#"])
def test_it_always_comes_to_an_end(text: str) -> None:
    scan(text)


def test_keys_given_twice_are_found_with_both_lines() -> None:
    positions = scan("[a]\nx = 1\nx = 2\n[b]\n[a]\n")
    assert positions.duplicates == [(("a", "x"), 2, 3), (("a",), 1, 5)]


def test_windows_line_ends_count_once() -> None:
    assert scan("[a]\r\nx = 1\r\ny = 2\r\n").line(("a", "y")) == 3
