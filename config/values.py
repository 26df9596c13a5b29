"""Turning one value of the file into one value of a model: times, paths, and msgspec's rules."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, get_args

import msgspec

from config.fields import Field
from config.urls import check_admin_url

_TIME = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class BadValueError(ValueError):
    """A value that cannot stand. The message says what is right when the type alone does not."""


def seconds(text: str) -> float:
    """Read `"500ms"`, `"10s"`, `"5m"`, `"1h"` or `"7d"` as seconds.

    Raises:
        BadValueError: It is not written like that.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise BadValueError
    return float(match[1]) * _SECONDS[match[2]]


def absolute(text: str, base: Path) -> Path:
    """The path that `text` means in a file of the folder `base`, with `~` as home.

    Symlinks stay as they are: where they lead may change while the program runs.

    Raises:
        BadValueError: It is empty, a URL, or the home of somebody unknown.
    """
    if not text or "\0" in text:
        raise BadValueError
    if "://" in text:
        raise BadValueError("it should be a path without a scheme such as unix://")
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise BadValueError("the home folder of that user is not known") from error
    # Not resolve(): of a mounted config map the folder's own symlinks are swapped on update.
    return Path(os.path.abspath(base / path))  # noqa: PTH100 - pathlib cannot without symlinks


def converted(raw: object, field: Field, base: Path) -> Any:
    """Convert one value as the field demands, relative paths against `base`.

    Raises:
        BadValueError: The value has the wrong type or is out of range.
    """
    if field.role == "seconds" and isinstance(raw, str):
        raw = seconds(raw)
    if field.role == "admin url" and isinstance(raw, str):
        try:
            check_admin_url(raw)
        except ValueError as error:
            raise BadValueError(f"it should be {field.expected}, and has {error}") from error
    try:
        if Path in (field.type, *get_args(field.type)):
            return absolute(msgspec.convert(raw, str), base)
        return msgspec.convert(raw, field.type)
    except msgspec.ValidationError as error:
        raise BadValueError from error
