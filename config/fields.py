"""What the models say about their fields, in the form that reading and checking need."""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import inspect

Shape = Literal["table", "mapping", "list", "leaf"]
FILE_ROLES = frozenset({"file", "certificate", "known hosts", "ssh key", "secret"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a model. `type` is the leaf's, or that of each item of a list or mapping."""

    name: str
    shape: Shape
    type: Any
    required: bool
    default: Any
    struct: type[msgspec.Struct] | None
    role: str | None
    expected: str  # what its value may be, in words

    @property
    def is_file(self) -> bool:
        """Whether the value names a file that must be readable."""
        return self.role in FILE_ROLES


@cache
def fields_of(struct: type[msgspec.Struct]) -> dict[str, Field]:
    """The fields of a model by name."""
    return {info.name: _field(info) for info in msgspec.structs.fields(struct)}


def _field(info: msgspec.structs.FieldInfo) -> Field:
    plain = _without_none(info.type)
    shape, item = _shape(plain)
    default = info.default if info.default is not msgspec.NODEFAULT else None
    if info.default_factory is not msgspec.NODEFAULT:
        default = info.default_factory()
    return Field(
        name=info.name,
        shape=shape,
        type=item,
        required=info.required,
        default=default,
        struct=plain if shape == "table" else None,
        role=_role(item),
        expected=_in_words(item) if shape != "table" else "a table",
    )


def _without_none(annotation: Any) -> Any:
    """TOML has no null: of `X | None` only X can be written."""
    args = get_args(annotation)
    if get_origin(annotation) in (Union, types.UnionType) and types.NoneType in args:
        return next(arg for arg in args if arg is not types.NoneType)
    return annotation


def _shape(annotation: Any) -> tuple[Shape, Any]:
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return "table", annotation
    if origin is dict:
        return "mapping", get_args(annotation)[1]
    if origin in (tuple, list):
        return "list", get_args(annotation)[0]
    return "leaf", annotation


def _role(annotation: Any) -> str | None:
    if get_origin(annotation) is not Annotated:
        return None
    for meta in annotation.__metadata__:
        if isinstance(meta, msgspec.Meta) and meta.extra:
            return str(meta.extra["role"])
    return None


def _in_words(annotation: Any) -> str:
    if _role(annotation) == "variable":
        return "the name of an environment variable"
    if _role(annotation) == "admin url":
        return 'a URL like "http://10.0.0.4:2019" or "unix:///run/haproxy/admin.sock"'
    info = inspect.type_info(annotation)
    if isinstance(info, inspect.Metadata):
        info = info.type
    match info:
        case inspect.UnionType(types=kinds):
            return " or ".join(_of_kind(kind) for kind in kinds)
        case _:
            return _of_kind(info, annotation)


def _of_kind(info: inspect.Type, annotation: Any = None) -> str:
    match info:
        case inspect.FloatType() if _role(annotation) == "seconds":
            span = f"{info.ge:g} s to {int(info.le or 0) // 86_400} days"
            return f'a time in seconds, or like "500ms", "10s", "5m", "1h", from {span}'
        case inspect.IntType() | inspect.FloatType():
            return _number(info)
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType():
            return "one of " + ", ".join(f'"{value}"' for value in info.values)
        case inspect.CustomType(cls=cls) if cls is Path:
            return "a path as text in quotes"
        case _:
            return _text(info)


def _number(info: inspect.IntType | inspect.FloatType) -> str:
    kind = "a whole number" if isinstance(info, inspect.IntType) else "a number"
    return kind if info.ge is None else f"{kind} from {info.ge} to {info.le}"


def _text(info: inspect.Type) -> str:
    match info:
        case inspect.StrType(pattern="^/"):
            return "an absolute path as text in quotes"
        case inspect.StrType(min_length=int()):
            return "text in quotes, not empty"
        case _:
            return "text in quotes"
