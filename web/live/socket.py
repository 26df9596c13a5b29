"""One WebSocket with several subscriptions, each a follower of a ledger."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
import msgspec
from anyio.abc import TaskGroup
from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketDisconnect

from web.event_stream import run_of
from web.finding import check_host_filter
from web.live.admission import PROTOCOL, SOCKET_PATH, refuse_socket
from web.live.filters import LiveFilter, subject_test
from web.live.follower import Follower
from web.live.frames import Frames
from web.live.handlers import require_live
from web.live.place import Resume
from web.live.source import LedgerName, LiveSource
from web.problems import Problem
from web.sources import Sources, sources

MAX_MESSAGE = 16 * 1024  # bytes that a client may say at once
MOST_SUBSCRIPTIONS = 16
GOODBYE = 2.0  # seconds for a client to answer that the connection ends
GOING_AWAY = 1001

FleetSocket = WebSocket[Any, Any, State]
Name = int | Annotated[str, msgspec.Meta(max_length=64)]


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client says: `subscribe` (with `id`), or `unsubscribe` an id, or `ping`."""

    subscribe: LedgerName | None = None
    id: Name | None = None
    filter: LiveFilter = LiveFilter()
    snapshot: bool = True
    after: str | None = None
    unsubscribe: Name | None = None
    ping: Name | None = None


@websocket(SOCKET_PATH)
async def serve_socket(socket: FleetSocket) -> None:
    """Hosts, containers and samples over one connection; see `docs/api.md`."""
    source = sources(socket)
    try:
        live = require_live(source.live)
        with source.streams.place():
            offered = socket.scope["subprotocols"]
            await socket.accept(subprotocols=PROTOCOL if PROTOCOL in offered else None)
            await _Conversation(socket, source, live).run()
    except Problem as problem:
        await refuse_socket(problem, socket.scope, socket.receive, socket.send)
        return
    if socket.connection_state != "disconnect":
        await _say_goodbye(socket)


async def _say_goodbye(socket: FleetSocket) -> None:
    """End the connection, and read what still comes: unread, it would hold up the end."""
    await socket.close(code=GOING_AWAY)
    with anyio.move_on_after(GOODBYE):
        while socket.connection_state != "disconnect":
            await socket.receive()


class _Conversation:
    """What is said on one connection until either side leaves."""

    def __init__(self, socket: FleetSocket, source: Sources, live: LiveSource) -> None:
        self._socket = socket
        self._source = source
        self._live = live
        self._run = run_of(source.model)
        self._subscriptions: dict[int | str, anyio.CancelScope] = {}

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            try:
                while True:
                    await self._obey(await self._socket.receive_data(mode="text"), tasks)
            except WebSocketDisconnect:
                tasks.cancel_scope.cancel()

    async def _obey(self, said: str | bytes, tasks: TaskGroup) -> None:
        try:
            command = msgspec.json.decode(said, type=Command)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            await self._explain(None, f"This is no command: {error}")
            return
        if command.ping is not None:
            await self._tell({"type": "pong", "id": command.ping})
        elif command.unsubscribe is not None:
            await self._unsubscribe(command.unsubscribe)
        elif command.subscribe is not None and command.id is not None:
            await self._subscribe(command.subscribe, command.id, command, tasks)
        else:
            await self._explain(command.id, "Say subscribe with an id, unsubscribe, or ping.")

    async def _subscribe(
        self, name: LedgerName, id_: int | str, command: Command, tasks: TaskGroup
    ) -> None:
        if id_ in self._subscriptions:
            await self._explain(id_, "There is a subscription with this id already.")
            return
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            told = f"There may be {MOST_SUBSCRIPTIONS} subscriptions. Unsubscribe one first."
            await self._explain(id_, told)
            return
        try:
            check_host_filter(self._source.model, command.filter.host)
        except Problem as problem:
            await self._explain(id_, problem.detail)
            return
        self._subscriptions[id_] = scope = anyio.CancelScope()
        streams, ledger = self._source.streams, self._live.ledger(name)
        run = self._run + ledger.mark
        follower = Follower(
            ledger,
            subject_test(command.filter),
            Frames(self._send, id_, name, run),
            streams.heartbeat,
            streams.__len__,
        )
        await self._tell({"type": "subscribed", "id": id_})
        resume = Resume(place=command.after, snapshot=command.snapshot)
        tasks.start_soon(self._follow, follower, resume, run, scope)

    async def _follow(
        self, follower: Follower, resume: Resume, run: str, scope: anyio.CancelScope
    ) -> None:
        with scope:
            await follower.run(resume, run)

    async def _unsubscribe(self, id_: int | str) -> None:
        scope = self._subscriptions.pop(id_, None)
        if scope is None:
            await self._explain(id_, "There is no subscription with this id.")
            return
        scope.cancel()
        await self._tell({"type": "unsubscribed", "id": id_})

    async def _explain(self, id_: int | str | None, detail: str) -> None:
        await self._tell({"type": "error", "id": id_, "detail": detail})

    async def _tell(self, message: dict[str, object]) -> None:
        await self._send(msgspec.json.encode(message))

    async def _send(self, message: bytes) -> None:
        await self._socket.send_data(message.decode(), mode="text")
