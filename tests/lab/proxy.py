"""A relay between a client and a real server, which a test can slow, stall, cut or refuse."""

import contextlib
import select
import socket
import struct
import threading
import time
from pathlib import Path

from tests.lab.parts import Part

Address = tuple[str, int] | Path
"""A TCP host and port, or the path of a Unix socket."""

_TICK = 0.05


def listen(address: Address) -> socket.socket:
    """Open a listening socket; TCP port 0 takes a free one."""
    if isinstance(address, Path):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(address))
    else:
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
    server.listen(512)
    return server


def _connect(address: Address) -> socket.socket:
    if isinstance(address, Path):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(address))
        return client
    return socket.create_connection(address, 5)


class Listener(Part):
    """Accepts connections in a thread and serves each in a thread of its own, until closed."""

    def __init__(self, address: Address) -> None:
        self._wanted = address
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._server: socket.socket | None = None
        self._stopping = threading.Event()
        self.address = address
        self.accepted = 0
        self.accept_again()

    def accept_again(self) -> None:
        """Listen (again) on the same address."""
        server = self._server = listen(self._wanted)
        if not isinstance(self._wanted, Path):
            name = server.getsockname()
            self._wanted = self.address = (str(name[0]), int(name[1]))
        self._begin(lambda: self._accept(server))

    def _begin(self, work: object) -> None:
        thread = threading.Thread(target=work, daemon=True)  # type: ignore[arg-type]
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()

    def _accept(self, server: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                ready, _, _ = select.select([server], [], [], _TICK)
                if not ready:
                    continue
                client, _ = server.accept()
            except (OSError, ValueError):  # closed by refuse()
                return
            self.accepted += 1
            self._keep(client)
            self._begin(lambda client=client: self._serve_and_close(client))

    def _keep(self, one: socket.socket) -> None:
        with self._lock:
            self._open.add(one)

    def _drop(self, one: socket.socket) -> None:
        with self._lock:
            self._open.discard(one)
        one.close()

    def _serve_and_close(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the other side went away, or cut() was called
            self.serve(client)
        self._drop(client)

    def serve(self, client: socket.socket) -> None:
        """Serve one connection, in its thread; OSError ends it."""
        raise NotImplementedError

    @property
    def connections(self) -> int:
        """How many sockets are open now."""
        with self._lock:
            return len(self._open)

    def refuse(self) -> None:
        """Listen no longer: new connections are refused, established ones go on."""
        if self._server:
            self._server.close()
            self._server = None
        if isinstance(self._wanted, Path):
            self._wanted.unlink(missing_ok=True)

    def cut(self) -> None:
        """End every established connection at once, TCP with a reset."""
        with self._lock:
            doomed = list(self._open)
        for one in doomed:
            with contextlib.suppress(OSError):
                if one.family == socket.AF_INET:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Refuse, cut, and wait for the threads."""
        self._stopping.set()
        self.refuse()
        self.cut()
        for thread in self._threads:
            thread.join(5)


class Relay(Listener):
    """Passes bytes between its clients and ``target``.

    Attributes, each of which may be changed at any time:
        delay: seconds that each piece waits before it is passed on.
        rate: bytes per second in each direction of each connection, None for no limit.
    """

    def __init__(self, target: Address, address: Address = ("127.0.0.1", 0)) -> None:
        self.target = target
        self.delay = 0.0
        self.rate: float | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        super().__init__(address)

    def stall(self) -> None:
        """Pass nothing on, in either direction; connections stay open and new ones are taken."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass on again, with what waited."""
        self._flowing.set()

    def serve(self, client: socket.socket) -> None:
        """Connect to the target and pass bytes both ways until either side ends."""
        self._wait_for_flow()
        server = _connect(self.target)
        self._keep(server)
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join()
        self._drop(server)

    def _wait_for_flow(self) -> None:
        while not self._flowing.wait(_TICK):
            if self._stopping.is_set():
                raise ConnectionAbortedError

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._wait_for_flow()
                if self.delay:
                    time.sleep(self.delay)
                self._send(sink, data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _send(self, sink: socket.socket, data: bytes) -> None:
        while data:
            rate = self.rate
            size = len(data) if rate is None else max(1, int(rate * _TICK))
            sink.sendall(data[:size])
            data = data[size:]
            if rate is not None:
                time.sleep(_TICK)

    def close(self) -> None:
        """End the relay and every connection through it."""
        self._flowing.set()
        super().close()
