"""Sparse answers: of each item only the fields that a client names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from web.problems import Problem

Reader = Callable[[Any], Any]
Tree = dict[str, Any]  # by field: another tree, or None for all of it

MOST_FIELDS = 50


@lru_cache(maxsize=128)
def reader_of(fields: str, document: type[msgspec.Struct]) -> Reader:
    """What takes from a document the fields that `host,name,stats.cpu_percent` names.

    In a list of documents a field is taken of each; what follows the name of a mapping is a key of
    it, also with dots inside. Where a document on the way is None, so is the answer.

    Raises:
        Problem: A field is not there (400, with what may have been meant).
    """
    tree: Tree = {}
    paths = [path.strip() for path in fields.split(",")]
    if len(paths) > MOST_FIELDS:
        raise _bad(f"Query parameter `fields` names {len(paths)}; {MOST_FIELDS} are the most.")
    for path in paths:
        _add(tree, path, document)
    return _reader(tree, document)


def _add(tree: Tree, path: str, document: type[msgspec.Struct]) -> None:
    kind: Any = document
    left = path
    while True:
        inner = _inner(kind)
        if inner is dict:
            name, left = left, ""
        else:
            types = _types(inner)
            name, _, left = left.partition(".")
            if name not in types:
                raise _unknown(path, document)
            kind = types[name]
        if not left:
            tree[name] = None
            return
        known = tree.setdefault(name, {})
        if known is None:  # all of it is wanted already
            return
        tree = known


def _reader(tree: Tree, kind: Any) -> Reader:
    inner = _inner(kind)
    if inner is dict:
        return lambda found: {key: found[key] for key in tree if key in found}
    types = _types(inner)
    parts = [(name, _part(sub, types[name])) for name, sub in tree.items()]
    return lambda found: {name: read(getattr(found, name)) for name, read in parts}


def _part(sub: Tree | None, kind: Any) -> Reader:
    if sub is None:
        return lambda value: value
    read = _reader(sub, kind)
    if _is_many(kind):
        return lambda values: [read(value) for value in values]
    return lambda value: None if value is None else read(value)


def _bare(kind: Any) -> Any:
    """The type without its None."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [one for one in get_args(kind) if one is not type(None)]
        return kinds[0] if len(kinds) == 1 else kind
    return kind


def _is_many(kind: Any) -> bool:
    return get_origin(_bare(kind)) is tuple


def _inner(kind: Any) -> Any:
    """What has fields: the type, that of the items of a tuple, or `dict` for a mapping."""
    bare = _bare(kind)
    if get_origin(bare) is tuple:
        bare = _bare(get_args(bare)[0])
    return get_origin(bare) or bare


def _types(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {field.name: field.type for field in msgspec.structs.fields(kind)}
    return {}


def _paths(document: type[msgspec.Struct], depth: int = 3) -> Iterator[str]:
    for name, kind in _types(document).items():
        yield name
        if depth > 1 and (inner := _inner(kind)) is not dict:
            yield from (f"{name}.{path}" for path in _paths(inner, depth - 1))


def _unknown(path: str, document: type[msgspec.Struct]) -> Problem:
    known = list(_paths(document))
    close = [one for one in known if one.startswith(path) or one.endswith(f".{path}")] * bool(path)
    close = (close or get_close_matches(path, known))[:3]
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    names = ", ".join(_types(document))
    return _bad(
        f"Query parameter `fields` names {path!r}, which is not there.{hint} Known are {names}, "
        "and what they hold, with a dot between.",
        close,
    )


def _bad(detail: str, suggestions: list[str] | None = None) -> Problem:
    return Problem("bad-parameter", detail, parameter="fields", suggestions=suggestions or ())
