"""Joining a local connection and an SSH channel, byte for byte in both directions.

Each side writes straight into the other. When a side cannot take more, the other stops reading
(backpressure up to the remote process), and the end of one direction leaves the other open, which
hijacked connections (attach, exec) need.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

import asyncssh

WINDOW = 512 * 1024  # bytes that one channel holds for a client that does not read
_EARLY = 64 * 1024  # bytes held of a client whose channel is not open yet


class NearSide(Protocol):
    """What a channel needs of whoever stands at our end of it."""

    saw_eof: bool

    def write(self, data: bytes) -> None:
        """Take what the Engine wrote."""

    def write_eof(self) -> None:
        """Learn that the Engine will write no more."""

    def close(self) -> None:
        """Learn that the channel is closed."""

    def pause(self) -> None:
        """Write no more for the moment."""

    def resume(self) -> None:
        """Write again."""


class LocalSide(asyncio.Protocol):
    """The accepted connection.

    It is read from before the channel is open, up to a limit: only so is it seen to be closed.
    """

    def __init__(
        self, accepted: Callable[[LocalSide], None], ended: Callable[[LocalSide], None]
    ) -> None:
        self.remote: RemoteSide | None = None
        self.is_closed = False
        self.saw_eof = False
        self._early = b""  # what came before the channel was open
        self._accepted = accepted
        self._ended = ended
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold the connection until `join`."""
        self._transport = cast("asyncio.Transport", transport)
        self._accepted(self)

    def join(self, remote: RemoteSide) -> None:
        """Let the bytes flow; closes the channel if the client has gone meanwhile."""
        self.remote = remote
        if self._transport is None or self.is_closed:
            remote.end()
            return
        early, self._early = self._early, b""
        remote.write(early)
        if self.saw_eof:
            remote.write_eof()
        self.resume()

    def data_received(self, data: bytes) -> None:
        """Pass on what the client wrote."""
        if self.remote is not None:
            self.remote.write(data)
            return
        self._early += data
        if len(self._early) >= _EARLY:
            self.pause()

    def eof_received(self) -> bool:
        """Pass on that the client will write no more; it may still read."""
        self.saw_eof = True
        if self._is_hung_up() or (self.remote is not None and self.remote.saw_eof):
            return False  # closes the transport, and with it the channel
        if self.remote is not None:
            self.remote.write_eof()
        return True

    def _is_hung_up(self) -> bool:
        """Tell a closed client from a half-closed one: nobody would read what still comes."""
        sock = self._transport.get_extra_info("socket") if self._transport else None
        if sock is None:
            return True
        poll = select.poll()
        poll.register(cast("socket.socket", sock).fileno(), 0)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Close the channel."""
        self.is_closed = True
        self._ended(self)
        if self.remote is not None:
            self.remote.end()

    def pause_writing(self) -> None:
        """The client reads too slowly: let the remote side wait."""
        if self.remote is not None:
            self.remote.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self.remote is not None:
            self.remote.resume()

    def write(self, data: bytes) -> None:
        """Send to the client."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def write_eof(self) -> None:
        """Tell the client that no more will come."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """Close once what is buffered has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading from the client."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read from the client again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


class RemoteSide(asyncssh.SSHUNIXSession[bytes]):
    """The channel to the Engine's socket."""

    def __init__(self, local: NearSide) -> None:
        self.saw_eof = False
        self._local = local
        self._channel: Any = None

    def connection_made(self, chan: Any) -> None:
        """Keep the channel."""
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002 - asyncssh's
        """Pass on what the Engine wrote."""
        self._local.write(data)

    def eof_received(self) -> bool:
        """Pass on that the Engine will write no more; the client may still write."""
        self.saw_eof = True
        if self._local.saw_eof:
            self._local.close()
        else:
            self._local.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        """Close the local side."""
        self._local.close()

    def pause_writing(self) -> None:
        """The channel's window is full: let the client wait."""
        self._local.pause()

    def resume_writing(self) -> None:
        """The channel takes more."""
        self._local.resume()

    def write(self, data: bytes) -> None:
        """Send to the Engine; what comes after the channel's end is lost with it."""
        try:
            self._channel.write(data)
        except OSError:
            self._local.close()

    def write_eof(self) -> None:
        """Tell the Engine that no more will come."""
        try:
            self._channel.write_eof()
        except OSError:
            self._local.close()

    def pause(self) -> None:
        """Stop reading from the channel; its window then stops the sender."""
        self._channel.pause_reading()

    def resume(self) -> None:
        """Read from the channel again."""
        self._channel.resume_reading()

    def end(self) -> None:
        """Close the channel."""
        self._channel.close()
