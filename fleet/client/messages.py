"""Reading server-sent events (text/event-stream). Pure."""

from __future__ import annotations

import msgspec

from fleet.client.errors import AnswerTooLargeError

MAX_MESSAGE = 64 * 1024 * 1024  # bytes of one message: a snapshot of a large fleet is one


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message.

    Attributes:
        id: The place to resume at, empty where it has none.
        event: Its kind, empty where it has none.
        data: Its lines.
    """

    id: str
    event: str
    data: str


class MessageReader:
    """Finds messages in what comes in, piece by piece.

    Attributes:
        last_id: The last place that was told, by a message or by a heartbeat.
    """

    def __init__(self, last_id: str = "", most: int = MAX_MESSAGE) -> None:
        self.last_id = last_id
        self._most = most
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now.

        Raises:
            AnswerTooLargeError: One is not, and has more bytes than are taken.
        """
        self._rest.append(data)
        self._size += len(data)
        if b"\n" not in data:
            self._check()
            return []
        *blocks, rest = b"".join(self._rest).replace(b"\r\n", b"\n").split(b"\n\n")
        self._rest, self._size = [rest], len(rest)
        self._check()
        found = [self._read(block) for block in blocks]
        return [message for message in found if message is not None]

    def _check(self) -> None:
        if self._size > self._most:
            raise AnswerTooLargeError(f"a message has more than {self._most} bytes")

    def _read(self, block: bytes) -> Message | None:
        event, data = "", []
        for line in block.decode("utf-8", "replace").split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "event":
                event = value
            elif name == "id":
                self.last_id = value
        return Message(id=self.last_id, event=event, data="\n".join(data)) if data else None
