"""What stands before the gate: who asks, by which scheme, and whether it is too often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import anyio
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from web.limits import attempts
from web.limits.addresses import UNKNOWN, TrustedProxies, is_local
from web.limits.buckets import Rate
from web.limits.clients import Rates
from web.limits.counts import EdgeCounts
from web.limits.lockout import Lockouts
from web.live.admission import refuse_socket
from web.problems import Problem, note_problem

HSTS = (b"strict-transport-security", b"max-age=31536000")
_SAFE = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(frozen=True)
class Allowance:
    """What one client may take.

    Attributes:
        requests_per_second: In the long run; 0: any number.
        burst: At once, after some quiet.
        connections: At once.
        wrong_credentials: Within five minutes, before a client has to wait; 0: any number.
        trusted_proxies: Addresses and networks of proxies that are believed.
        local_exempt: Whether clients of this machine are counted by nothing but wrong credentials.
    """

    requests_per_second: float = 50.0
    burst: float = 200.0
    connections: int = 128
    wrong_credentials: int = 10
    trusted_proxies: tuple[str, ...] = ()
    local_exempt: bool = True


class Edge:
    """ASGI application around all others; the server asks it about connections.

    A connection that is refused costs its client a closed socket, a request an answer that says
    when to come again. New connections have a rate of their own, twice that of requests: a client
    without keep-alive is told so by an answer before its connections are closed unanswered.
    """

    def __init__(self, app: ASGIApp, allowance: Allowance, lockouts: Lockouts) -> None:
        self._app = app
        self._proxies = TrustedProxies(allowance.trusted_proxies)
        self._local_exempt = allowance.local_exempt
        rate = Rate(allowance.requests_per_second, allowance.burst)
        self.allowance = allowance
        self.lockouts = lockouts
        self.requests = Rates(rate)
        self.connections = Rates(Rate(2 * rate.per_second, 2 * rate.burst))
        self.counts = EdgeCounts()

    def is_counted(self, address: str) -> bool:
        """Whether that peer is one client, of which there may be too much."""
        return not (self._local_exempt and is_local(address)) and address not in self._proxies

    def admits(self, address: str) -> bool:
        """Whether that peer may open one more connection now, by how fast it does."""
        if self.is_counted(address) and self.connections.take(address):
            self.counts.turned["rate"] += 1
            return False
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note who asks and pass it on, or answer that it is too often."""
        kind: str = scope["type"]
        if kind not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        address, encrypted = self._note_origin(scope)
        attempt = attempts.begin(scope, address, self.lockouts)
        send = _adding(HSTS, send) if encrypted and kind == "http" else send
        try:
            _check_path(scope)
            self._check(address, attempt)
        except Problem as problem:
            if kind == "websocket":
                await refuse_socket(problem, scope, receive, send)
            else:
                note_problem(scope, problem)
                await problem.answer(str(scope["path"]))(scope, receive, _adding_all(_SAFE, send))
            return
        if kind == "websocket":
            receive = self._slowed(address, receive)
        await self._app(scope, receive, send)

    def _note_origin(self, scope: Scope) -> tuple[str, bool]:
        """The client's address, and whether it came to us by TLS; the scope says what is true."""
        found = cast("dict[str, Any]", scope)
        peer = found.get("client") or ("", 0)
        address = str(peer[0]) or UNKNOWN
        spoken: str = found.get("scheme", "http")
        plain = "https" if spoken in ("https", "wss") else "http"
        origin = self._proxies.origin(address, plain, found["headers"])
        if found["type"] == "websocket":
            found["scheme"] = "wss" if origin.scheme == "https" else "ws"
        else:
            found["scheme"] = origin.scheme
        found["client"] = (origin.address, peer[1] if origin.address == address else 0)
        return origin.address, plain == "https"

    def _check(self, address: str, attempt: attempts.Attempt) -> None:
        if self.is_counted(address) and (wait := self.requests.take(address)):
            self.counts.limited["rate"] += 1
            raise Problem(
                "too-many-requests",
                f"One client may ask {self.allowance.requests_per_second:g} times a second, "
                f"{self.allowance.burst:g} times at once. Ask less often, or set "
                "requests_per_second in [access].",
                headers=_retry_after(wait),
            )
        if wait := self.lockouts.wait(address, attempt.credentials):
            self.counts.limited["locked"] += 1
            raise Problem(
                "locked-out",
                f"Wrong credentials came from {address} too often. Correct them, and try again in "
                f"{math.ceil(wait)} seconds.",
                headers=_retry_after(wait),
            )

    def _slowed(self, address: str, receive: Receive) -> Receive:
        """Each message on a WebSocket counts as a request; too many wait until it is their turn."""
        if not self.is_counted(address):
            return receive

        async def slowed() -> Any:
            message = await receive()
            if message["type"] == "websocket.receive":
                while wait := self.requests.take(address):  # noqa: ASYNC110 - told how long
                    await anyio.sleep(wait)
            return message

        return slowed


def _check_path(scope: Scope) -> None:
    """Refuse what a router may take for another path than who guards it."""
    raw = cast("dict[str, Any]", scope).get("raw_path") or scope["path"].encode()
    # The Engine writes names with a slash in front: HOST//NAME always was a container.
    if b"//" in raw and not raw.startswith(b"/api/containers/"):
        raise Problem("unknown-path", "There is nothing at a path with an empty part.")


def _retry_after(wait: float) -> dict[str, str]:
    return {"retry-after": str(math.ceil(wait))}


def _adding(header: tuple[bytes, bytes], send: Send) -> Send:
    return _adding_all((header,), send)


def _adding_all(headers: tuple[tuple[bytes, bytes], ...], send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return adding
