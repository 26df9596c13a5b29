"""What can go wrong on the way to an Engine, as one hierarchy.

Every message names the host and says the next step. `kind` is a stable word for APIs and tests.
Raised only by this package; callers treat all of them as "this host, this attempt", except
`ApiStatusError` and `NotFoundError`, which are answers of a healthy Engine. `CommandError` stands
apart: it says nothing about the Engine.
"""

from __future__ import annotations

LONGEST = 1000  # characters of what happened, and of a hint


def harmless(text: str) -> str:
    """Make what strangers say one line of bounded length that does nothing to a terminal.

    Engines, proxies and programs at the other end are quoted in messages. Line ends and the like
    become spaces, everything else that is not printed (escapes, directions of writing, halves of
    characters) becomes visible.
    """
    if len(text) <= LONGEST and text.isprintable():
        return text
    shown = "".join(
        one if one.isprintable() else " " if one.isspace() else ascii(one)[1:-1]
        for one in text[: LONGEST + 1]
    )
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."


class EngineError(Exception):
    """Base of all errors on the way to an Engine.

    Attributes:
        host: The host's name in the configuration.
        what: What happened: one line that is safe to show, whatever a stranger said in it.
        hint: The next step for a person, or an empty string; as safe.
    """

    kind = "error"

    def __init__(self, host: str, what: str, hint: str = "") -> None:
        """Join host, what happened and the next step into one sentence for people."""
        self.host = host
        self.what = harmless(what)
        self.hint = harmless(hint)
        super().__init__(f"{host}: {self.what}" + (f" ({self.hint})" if hint else ""))


class UnreachableError(EngineError):
    """No connection: refused, timed out, no such socket or name, or the peer went silent."""

    kind = "unreachable"


class AuthenticationError(EngineError):
    """The host refused our key, password or client certificate, or the socket our user."""

    kind = "authentication"


class TlsError(EngineError):
    """The TLS handshake failed: unknown CA, wrong name, expired certificate."""

    kind = "tls"


class HostKeyError(EngineError):
    """The SSH host key is unknown or is not the one on record."""

    kind = "host_key"


class ProtocolError(EngineError):
    """The peer answered, but not as an Engine does: malformed, too large, endless, or lying."""

    kind = "protocol"


class ApiStatusError(EngineError):
    """The Engine answered with a 4xx or 5xx status.

    Attributes:
        status: The HTTP status.
    """

    kind = "api"

    def __init__(self, host: str, status: int, what: str, hint: str = "") -> None:
        """Keep the status beside the Engine's own message."""
        self.status = status
        super().__init__(host, what, hint)


class NotFoundError(ApiStatusError):
    """404: the container, image or network is gone. Normal between a list and an inspect."""

    kind = "not_found"


class CommandError(Exception):
    """A command on a host could not be run, or not to its end. The connection is not at fault."""

    def __init__(self, what: str) -> None:
        """Keep what happened as one line that is safe to show."""
        super().__init__(harmless(what))
