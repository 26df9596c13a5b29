"""Options of renderers as people give them: names and texts, from a query or a command line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect as types

from labels.model import Value

O = TypeVar("O", bound=Value)  # noqa: E741 - options

_ATTRIBUTE = re.compile(r"^ {4}(\w+): ((?:.|\n(?= {8}))*)", re.MULTILINE)


class OptionError(Exception):
    """An option cannot be what was given. The message says what it may be.

    Attributes:
        name: The option.
        suggestions: Names that may have been meant.
    """

    def __init__(self, name: str, message: str, suggestions: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.suggestions = tuple(suggestions)


class Option(Value, frozen=True, kw_only=True):
    """One option of a renderer, for people.

    Attributes:
        meaning: What it does, as its documentation says; may be empty.
        expected: What it must be, in words.
        default: What it is unless given, as it would be given.
        choices: All that it may be, if they can be counted.
        repeated: Whether it may be given several times.
    """

    name: str
    meaning: str = ""
    expected: str
    default: str = ""
    choices: tuple[str, ...] = ()
    repeated: bool = False


@cache
def options_of(kind: type[Value]) -> tuple[Option, ...]:
    """The options of a renderer, in the order of its `Options`."""
    info = types.type_info(kind)
    assert isinstance(info, types.StructType)  # noqa: S101 - a `Value` is one
    meanings = _meanings(kind)
    return tuple(_option(field, meanings.get(field.encode_name, "")) for field in info.fields)


def read_options(kind: type[O], given: Mapping[str, Sequence[str]]) -> O:
    """The options from texts; what is not given has its default.

    Raises:
        OptionError: One is unknown, stands twice where one is meant, or cannot be.
    """
    known = {option.name: option for option in options_of(kind)}
    hints = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    options: dict[str, Any] = {}
    for name, texts in given.items():
        option = known.get(name)
        if option is None:
            close = get_close_matches(name, known, n=2)
            raise OptionError(name, f"`{name}` is unknown here; known: {', '.join(known)}.", close)
        if len(texts) != 1 and not option.repeated:
            raise OptionError(name, f"`{name}` stands more than once; give it once.")
        options[name] = _read(option, hints[name], texts)
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:  # what no type says: checks of the options themselves
        named = ", ".join(f"`{name}`" for name in options)
        raise OptionError(next(iter(options)), f"{named}: {_reason(error)}.") from error


def _read(option: Option, hint: Any, texts: Sequence[str]) -> Any:
    given = texts if option.repeated else texts[0]
    if all(map(str.isprintable, texts)):  # the `$` of a pattern lets a last line break pass
        with suppress(msgspec.ValidationError):
            return msgspec.convert(given, hint, strict=False)
    shown = ", ".join(texts)
    close = get_close_matches(shown, option.choices, n=1)
    message = f"`{option.name}` is {shown!r}; it must be {option.expected}."
    raise OptionError(option.name, message, close)


def _reason(error: msgspec.ValidationError) -> str:
    return str(error).partition(" - at `$")[0]


def _meanings(kind: type[Value]) -> dict[str, str]:
    """What the docstring says of each attribute."""
    _, _, attributes = (inspect.getdoc(kind) or "").partition("\nAttributes:\n")
    return {match[1]: " ".join(match[2].split()) for match in _ATTRIBUTE.finditer(attributes)}


def _option(field: types.Field, meaning: str) -> Option:
    several = isinstance(field.type, types.VarTupleType)
    item = field.type.item_type if isinstance(field.type, types.VarTupleType) else field.type
    return Option(
        name=field.encode_name,
        meaning=meaning,
        expected=_words(item) + ("; repeat it for several" if several else ""),
        default=_shown(field.default),
        choices=_choices(item),
        repeated=several,
    )


def _choices(kind: types.Type) -> tuple[str, ...]:
    match kind:
        case types.BoolType():
            return ("true", "false")
        case types.LiteralType():
            return tuple(str(value) for value in kind.values)
        case types.UnionType():
            return tuple(choice for one in kind.types for choice in _choices(one))
    return ()


def _words(kind: types.Type) -> str:
    if choices := _choices(kind):
        return " or ".join(choices) if len(choices) == 2 else f"one of {', '.join(choices)}"
    match kind:
        case types.IntType():
            return "a whole number" + _bounds(kind.ge, kind.le)
        case types.FloatType():
            return "a number" + _bounds(kind.ge, kind.le)
        case types.StrType():
            return "text" if kind.pattern is None else f"text that matches {kind.pattern}"
        case types.UnionType():
            known = [one for one in kind.types if not isinstance(one, types.NoneType)]
            return " or ".join(map(_words, known))
    return "text"


def _bounds(least: float | None, most: float | None) -> str:
    return ("" if least is None else f" from {least}") + ("" if most is None else f" to {most}")


def _shown(default: object) -> str:
    if default is None or default is msgspec.NODEFAULT:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    return str(default)
