"""Reading secrets where they are used, and only then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from config.reading import read_regular

_MOST_BYTES = 64 * 1024


class SecretError(Exception):
    """A secret cannot be read. The message says which file or variable and why, never a value."""


def read_secret(file: Path | None, env: str | None, environ: Mapping[str, str]) -> str | None:
    """Read a secret from a file or an environment variable, anew on each call.

    One newline at the end of a file is not part of the secret. None if neither is given.

    Raises:
        SecretError: The file cannot be read or is no text, the variable is not set, or either is
            empty.
    """
    if file is not None:
        secret, source = _from_file(file), str(file)
    elif env is not None:
        secret, source = environ.get(env, ""), f"the environment variable {env}"
    else:
        return None
    if not secret:
        raise SecretError(f"no secret in {source}: it is empty or not set")
    return secret


def _from_file(file: Path) -> str:
    try:
        data = read_regular(file, _MOST_BYTES)
    except OSError as error:
        raise SecretError(f"the secret file {file} cannot be read: {error.strerror}") from error
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # Not chained: that exception holds the secret.
        raise SecretError(f"the secret file {file} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")
