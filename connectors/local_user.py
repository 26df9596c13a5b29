"""Who we are on this machine."""

from __future__ import annotations

import getpass
import os


def local_user() -> str:
    """Return our user's name, or the number where none is known.

    A container that is started with a bare number for its user has neither an entry in
    `/etc/passwd` nor `USER`.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter since Python 3.13
        return str(os.getuid())
