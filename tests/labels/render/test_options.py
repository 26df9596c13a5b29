from __future__ import annotations

from typing import Annotated, Literal

import pytest
from msgspec import Meta

from labels.model import Value
from labels.render.formats import FORMATS
from labels.render.options import Option, OptionError, options_of, read_options


class Options(Value, frozen=True, kw_only=True):
    """Options of a test.

    Attributes:
        mode: One way
            or another.
        port: Where.
    """

    mode: Literal["some", "other"] = "some"
    port: Annotated[int, Meta(ge=1, le=10)] = 5
    seconds: float = 1.5
    on: bool = False
    names: tuple[str, ...] = ("a", "b")
    word: Annotated[str, Meta(pattern="^[a-z]*$")] = ""
    free: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no type does.

        Raises:
            ValueError: So it is.
        """
        if self.on and self.port == 5:
            raise ValueError("`on` does not go with port 5")


def test_options_are_told_in_words() -> None:
    told = {option.name: option for option in options_of(Options)}
    assert told["mode"] == Option(
        name="mode",
        meaning="One way or another.",
        expected="other or some",
        default="some",
        choices=("other", "some"),
    )
    assert (told["port"].meaning, told["port"].expected) == (
        "Where.",
        "a whole number from 1 to 10",
    )
    assert (told["on"].expected, told["on"].default) == ("true or false", "false")
    assert (told["names"].repeated, told["names"].default) == (True, "a, b")
    assert told["seconds"].expected == "a number"
    assert told["word"].expected == "text that matches ^[a-z]*$"
    assert (told["free"].expected, told["free"].default) == ("text", "")


def test_texts_become_options() -> None:
    assert read_options(Options, {}) == Options()
    given = {
        "mode": ["other"],
        "port": ["7"],
        "seconds": ["2"],
        "on": ["true"],
        "names": ["x", "y"],
        "word": ["abc"],
        "free": ["7"],
    }
    assert read_options(Options, given) == Options(
        mode="other", port=7, seconds=2.0, on=True, names=("x", "y"), word="abc", free="7"
    )


@pytest.mark.parametrize(
    ("given", "name", "words", "suggestions"),
    [
        ({"mdoe": ["some"]}, "mdoe", "unknown", ("mode",)),
        ({"mode": ["som"]}, "mode", "must be other or some", ("some",)),
        ({"mode": ["some", "other"]}, "mode", "more than once", ()),
        ({"port": ["0"]}, "port", "from 1 to 10", ()),
        ({"port": ["7.5"]}, "port", "'7.5'", ()),
        ({"port": [""]}, "port", "''", ()),
        ({"on": ["maybe"]}, "on", "true or false", ()),
        ({"word": ["A"]}, "word", "matches", ()),
        ({"word": ["a\n"]}, "word", "matches", ()),
        ({"free": ["a\n"]}, "free", "must be text", ()),
        ({"on": ["true"]}, "on", "does not go with port 5", ()),
        ({"on": ["true"], "port": ["5"]}, "on", "`on`, `port`: `on` does not go", ()),
    ],
)
def test_what_cannot_be_is_told(
    given: dict[str, list[str]], name: str, words: str, suggestions: tuple[str, ...]
) -> None:
    with pytest.raises(OptionError) as told:
        read_options(Options, given)
    assert told.value.name == name
    assert words in str(told.value)
    assert told.value.suggestions == suggestions


def test_what_goes_together_is_taken_together() -> None:
    assert read_options(Options, {"on": ["true"], "port": ["6"]}).on


@pytest.mark.parametrize("name", FORMATS)
def test_all_options_of_a_format_can_be_given_as_they_are_shown(name: str) -> None:
    kind = FORMATS[name].options
    given = {
        option.name: option.default.split(", ") if option.repeated else [option.default]
        for option in options_of(kind)
        if option.default
    }
    assert given
    assert read_options(kind, given) == kind()
