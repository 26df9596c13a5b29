"""What a WebSocket must show before it is let in, and how one is refused: as an HTTP answer.

Browsers set no headers of their own here, and send no preflight: so the origin is checked, and a
token may come as a subprotocol. It is in no address, so that no log or history has it.
"""

from __future__ import annotations

import base64
import binascii

from litestar.types import Message, Receive, Scope, Send

from web.problems import Problem, note_problem

SOCKET_PATH = "/api/ws"
PROTOCOL = "fleet.v1"  # what is answered; the token is never sent back
TOKEN_PREFIX = "fleet.bearer."  # noqa: S105 - before the token, in base64url without padding


def check_origin(origin: str | None, host: str) -> None:
    """Let in who names no origin (no browser), or the one that was asked.

    Raises:
        Problem: A page of another site asks (403).
    """
    if origin is None:
        return
    scheme, _, authority = origin.partition("://")
    if scheme not in ("http", "https") or authority.lower() != host.lower():
        raise Problem(
            "wrong-origin",
            f"A page of {origin!r} may not open a WebSocket here; only pages of {host!r} may.",
        )


def offered_token(protocols: list[str]) -> str | None:
    """The token among the subprotocols that a client offers, None if there is none."""
    for protocol in protocols:
        if protocol.startswith(TOKEN_PREFIX):
            coded = protocol.removeprefix(TOKEN_PREFIX)
            try:
                raw = base64.b64decode(coded + "=" * (-len(coded) % 4), b"-_", validate=True)
                return raw.decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                return None
    return None


async def refuse_socket(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the handshake with the problem instead of accepting it."""

    async def send_refusal(message: Message) -> None:
        kind = "websocket." + message["type"]
        await send({**message, "type": kind})  # type: ignore[arg-type]  # ASGI's extension

    note_problem(scope, problem)
    await problem.answer(SOCKET_PATH)(scope, receive, send_refusal)
