"""One WebSocket with several subscriptions."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
import msgspec
from anyio.abc import TaskGroup
from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketDisconnect

from web.history import HistoryUnavailable
from web.live.admission import PROTOCOL, SOCKET_PATH, refuse_socket
from web.live.frames import Teller
from web.live.place import Resume
from web.live.subscribing import Subject, Work, subscription
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

    subscribe: Subject | None = None
    id: Name | None = None
    filter: msgspec.Raw = msgspec.Raw(b"{}")  # its shape is that of the subject
    snapshot: bool = True
    after: str | None = None
    unsubscribe: Name | None = None
    ping: Name | None = None


@websocket(SOCKET_PATH)
async def serve_socket(socket: FleetSocket) -> None:
    """Hosts, containers, samples, events and logs over one connection; see `docs/api.md`."""
    source = sources(socket)
    try:
        with source.streams.place():
            offered = socket.scope["subprotocols"]
            await socket.accept(subprotocols=PROTOCOL if PROTOCOL in offered else None)
            await _Conversation(socket, source).run()
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

    def __init__(self, socket: FleetSocket, source: Sources) -> None:
        self._socket = socket
        self._source = source
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
            await self._subscribe(command.id, command, command.subscribe, tasks)
        else:
            await self._explain(command.id, "Say subscribe with an id, unsubscribe, or ping.")

    async def _subscribe(
        self, id_: int | str, command: Command, subject: Subject, tasks: TaskGroup
    ) -> None:
        if id_ in self._subscriptions:
            await self._explain(id_, "There is a subscription with this id already.")
            return
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            told = f"There may be {MOST_SUBSCRIPTIONS} subscriptions. Unsubscribe one first."
            await self._explain(id_, told)
            return
        teller = Teller(self._send, id_)
        place = Resume(place=command.after, snapshot=command.snapshot)
        try:
            work = subscription(self._source, subject, command.filter, place, teller)
        except (Problem, msgspec.MsgspecError) as error:
            await self._explain(id_, _words(error))
            return
        self._subscriptions[id_] = scope = anyio.CancelScope()
        tasks.start_soon(self._follow, id_, work, scope)

    async def _follow(self, id_: int | str, work: Work, scope: anyio.CancelScope) -> None:
        async def begin() -> None:
            await self._tell({"type": "subscribed", "id": id_})

        try:
            with scope:
                await work(begin)
        except (Problem, HistoryUnavailable) as error:  # what is asked for is not there
            self._subscriptions.pop(id_, None)
            await self._explain(id_, _words(error))

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


def _words(error: Exception) -> str:
    return error.detail if isinstance(error, Problem) else str(error)
