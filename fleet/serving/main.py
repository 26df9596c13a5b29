"""`fleet serve`: workers under Granian, each started anew if it dies, and what they listen on."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from config.models import Config
from config.secrets import SecretError, read_secret
from fleet.access.opening import UNIX
from fleet.edge import certificate_files
from fleet.own_log.setup import OwnLog, open_own_log
from fleet.serving.worker import END_STREAMS, Worker, outlive_nobody
from fleet.tracing import check_tracing
from web.listening import ListenError, parse_listen, refused
from web.tls import CertificateError, load

log = logging.getLogger(__name__)

HEAD_MS = 15_000  # for a request's head to arrive, and between requests
HEAD_BYTES = 64 * 1024
END_SECONDS = 6  # for requests under way at the end; then they are cut off
SOCKET_MODE = 0o660
MOST_DEATHS, DEATHS_SECONDS = 12, 60  # of workers, until all is given up
GRANIAN = "_granian"  # the name of its logger

Reload = Callable[[], Config]


class Serving(MPServer):
    """Granian, which tells workers that an end is near: their live streams would outlast it.

    Args:
        config: Of which the hosts are not looked at.
        reload: Reads the configuration anew, at SIGHUP; raises ValueError where it is refused.
        options: Granian's.
    """

    def __init__(self, config: Config, reload: Reload, **options: Any) -> None:
        super().__init__("fleet", **options)
        self.config = config
        self._read_anew = reload
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)

    def _stop_workers(self) -> None:
        self._end_streams()
        super()._stop_workers()  # type: ignore[no-untyped-call]  # Granian has no types

    def take_certificate(self) -> None:
        """Have the next workers serve with the certificate that is configured now.

        Raises:
            CertificateError: It cannot be served.
            SecretError: The password of its key cannot be read.
        """
        fleet, files = self.config.fleet, certificate_files(self.config.fleet)
        if files is None:
            cert = key = password = None
        else:
            load(files, os.environ)  # which also says what is wrong with it
            cert, key = files.cert, files.key or files.cert
            password = read_secret(
                fleet.tls_key_password_file, fleet.tls_key_password_env, os.environ
            )
        self.build_ssl_context(cert, key, password, SSLProtocols.tls12, None, [], False)

    def _reload(self, *words: Any, **named: Any) -> None:
        before = self.config
        try:
            self.config = self._read_anew()
        except ValueError as error:
            log.error("the configuration was refused, the old one runs on: %s", error)  # noqa: TRY400 - for people
        try:
            self.take_certificate()
        except (CertificateError, SecretError) as error:
            # Those that run have the old one; others would not come up.
            log.error("the certificate was refused, all runs on as it was: %s", error)  # noqa: TRY400 - for people
            self.config = before
            self.reload_signal = False
            self.main_loop_interrupt.clear()
        else:
            super()._reload(*words, **named)  # type: ignore[no-untyped-call]  # likewise

    def _respawn_workers(self, workers: list[int], *words: Any, **named: Any) -> None:
        """Begin workers anew; where they die again and again the program ends instead."""
        self.respawned_wrks.clear()  # Granian would end at the second death of one
        now = time.monotonic()
        self._deaths.extend([now] * (len(workers) if not named else 0))  # else it is a reload
        if len(self._deaths) == MOST_DEATHS and now - self._deaths[0] < DEATHS_SECONDS:
            log.critical("%d workers died within %d s", MOST_DEATHS, DEATHS_SECONDS)
            self.interrupt_children.extend(workers)  # which makes it a failure
            self.signal_handler_interrupt()  # type: ignore[no-untyped-call]  # Granian has no types
            return
        super()._respawn_workers(workers, *words, **named)
        self.respawned_wrks.clear()

    def _end_streams(self) -> None:
        for worker in self.wrks:
            if worker.inner.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.inner.pid, END_STREAMS)


def serve_alone(
    config: Config, listen: str, workers: int, reload: Reload, started: Callable[[str], None]
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: Of which the hosts are not looked at.
        listen: `HOST:PORT`, or `unix:PATH`.
        workers: Processes that answer.
        reload: Reads the configuration anew.
        started: Called with the address once it is listened on.

    Raises:
        ListenError: The address cannot be listened on.
        SecretError: A secret cannot be read.
        CertificateError: The API cannot be served with its certificate.
        TracingError: Traces are configured, but cannot be made.
    """
    _check_secrets(config)
    check_tracing(config.tracing, os.environ)  # each worker opens its own
    with ExitStack() as stack:
        address, options = stack.enter_context(_reserved(listen))
        # It puts a log of its own in place, which ours then takes the place of.
        server = Serving(config, reload, **options, **_options(workers))
        server.take_certificate()
        server.on_startup(lambda: started(address))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="fleet-serve-")))
        stack.enter_context(_logged(config))
        server.serve(target_loader=lambda: _worker(server, address, folder), wrap_loader=False)


def _check_secrets(config: Config) -> None:
    """Read what each worker will read, so that what is wrong is told once."""
    storage, cache, fleet = config.storage, config.cache, config.fleet
    read_secret(storage.password_file, storage.password_env, os.environ)
    read_secret(cache.password_file, cache.password_env, os.environ)
    read_secret(fleet.token_file, fleet.token_env, os.environ)


def _worker(server: Serving, address: str, folder: Path) -> Worker:
    """Called in the process of the worker."""
    signal.signal(END_STREAMS, signal.SIG_IGN)  # until there are any
    outlive_nobody()
    stack = ExitStack()
    own_log = stack.enter_context(_logged(server.config))
    return Worker(server.config, address, folder, stack, own_log)


@contextmanager
def _logged(config: Config) -> Iterator[OwnLog]:
    theirs = logging.getLogger(GRANIAN)
    theirs.handlers.clear()
    theirs.propagate = True
    theirs.setLevel(logging.WARNING)
    with open_own_log(config.fleet.log_level, config.fleet.log_format) as own_log:
        yield own_log


def _options(workers: int) -> dict[str, Any]:
    return {
        "interface": Interfaces.ASGI,
        "workers": workers,
        "loop": Loops.asyncio,
        "http": HTTPModes.http1,
        "http1_settings": HTTP1Settings(header_read_timeout=HEAD_MS, max_buffer_size=HEAD_BYTES),
        "respawn_failed_workers": True,
        "workers_kill_timeout": END_SECONDS,
        "backpressure": 1024,
    }


@contextmanager
def _reserved(listen: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Hold the address, so that each worker may listen on it; port 0 becomes a real one.

    Raises:
        ListenError: It is taken, not permitted, not of this machine, or malformed.
    """
    if listen.startswith(UNIX):
        path = Path(listen.removeprefix(UNIX))
        yield listen, {"uds": _free(path), "uds_permissions": SOCKET_MODE}
        return
    host, port = parse_listen(listen)
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as held:
            _check_free(family, place)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind(place)
            at, number = held.getsockname()[:2]
            address = f"[{at}]:{number}" if ":" in at else f"{at}:{number}"
            yield address, {"address": at, "port": number}
    except OSError as error:
        raise ListenError(refused(listen, port, error)) from error


def _check_free(family: int, place: Any) -> None:
    """Another `fleet serve` would let us share its port, and half of the requests."""
    if place[1] == 0:
        return
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(place)
        probe.listen(1)


def _free(path: Path) -> Path:
    """The path of a socket that nobody listens on; what a killed one left behind is removed."""
    if not path.parent.is_dir():
        raise ListenError(f"Cannot listen on {path}: there is no folder {path.parent}.")
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise ListenError(f"Cannot listen on {path}: another program does so.")
        path.unlink()
    elif path.exists():
        raise ListenError(f"Cannot listen on {path}: there is a file already.")
    return path
