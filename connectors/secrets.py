"""A host's secrets, with failures told as the host's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from config.secrets import SecretError, read_secret
from connectors.errors import AuthenticationError


def host_secret(
    name: str, file: Path | None, env: str | None, environ: Mapping[str, str]
) -> str | None:
    """Read a secret of the host `name`, anew on each call; None when none is configured.

    Raises:
        AuthenticationError: the file or variable gives nothing usable.
    """
    try:
        return read_secret(file, env, environ)
    except SecretError as error:
        raise AuthenticationError(name, str(error)) from error
