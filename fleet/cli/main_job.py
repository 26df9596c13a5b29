"""Starts the fleet itself: settings from the command line, the log, and errors of the start."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
import trio

from config.models import Config
from fleet import app
from fleet.cli.api import Api, NotRunningError
from fleet.cli.errors import CommandError
from fleet.cli.format import minute
from fleet.cli.output import note
from fleet.cli.reaching import trust
from fleet.cli.running import run
from fleet.cli.settings import FROM_ELSEWHERE, base_url, is_everywhere, token_of, url_of
from fleet.own_log.setup import OwnLog, open_own_log
from fleet.readiness import Readiness
from fleet.runtime import RuntimeFolderError
from fleet.tracing import Tracing, TracingError, open_tracing
from storage.errors import StorageError
from web.listening import ListenError
from web.tls import CertificateError

_EXPECTED = (ListenError, CertificateError, RuntimeFolderError, StorageError)

_logger = logging.getLogger(__name__)


def run_fleet(
    config: Config, listen: str | None, data_dir: Path | None, *, serves: bool = True
) -> None:
    """Run the fleet until a signal ends it, with its API or (`serves` False) without.

    Raises:
        CommandError: It cannot start: the address or the data folder is taken or unusable.
    """
    config = _overridden(config, listen, data_dir)
    log_settings = config.fleet.log_level, config.fleet.log_format
    with open_own_log(*log_settings) as log, _traced(config) as tracing:
        log.tell_traces(tracing.trace_id)
        _run_logged(config, log, tracing, is_elsewhere=listen is not None, serves=serves)


@contextmanager
def _traced(config: Config) -> Iterator[Tracing]:
    try:
        with open_tracing(config.tracing, os.environ) as tracing:
            yield tracing
    except TracingError as error:
        raise CommandError(str(error)) from error


def _run_logged(
    config: Config, log: OwnLog, tracing: Tracing, *, is_elsewhere: bool, serves: bool
) -> None:
    source = f"of {config.source}" if config.source else "found on this machine (no hosts.toml)"
    many = f"{len(config.hosts)} host" + ("" if len(config.hosts) == 1 else "s")

    def started(address: str) -> None:
        if not serves:
            tell(f"fleet supervises {many} {source}, `fleet serve` answers for it")
            return
        url = base_url(address, tls=config.fleet.tls_cert_file is not None)
        tell(f"fleet is up at {url}, watching {many} {source}")
        if log.form == "text":
            note(f"  look: fleet status{f' --url {url}' if is_elsewhere else ''}   stop: Ctrl-C")

    def welcome(address: str, path: str) -> None:
        base = base_url(address, tls=config.fleet.tls_cert_file is not None)
        note("  nobody has an account yet; this makes the first, an admin's, once within an hour:")
        note(f"  {(config.access.public_url or base).rstrip('/')}{path}")
        if config.access.public_url is None and is_everywhere(address):
            note(f"  {FROM_ELSEWHERE}")

    tell = note if log.form == "text" else partial(_logger.info, "%s")
    for warning in config.warnings:
        _logger.warning("%s", warning)
    try:
        # To a terminal alone: elsewhere what is written may be kept, and read by others.
        shown = welcome if sys.stderr.isatty() else None
        around = app.Surroundings(log=log, tracing=tracing, welcome=shown)
        run(_run, config, around, started, serves, expected=_EXPECTED)
    except ListenError as error:
        raise _taken(config, error) from error
    except CertificateError as error:
        raise CommandError(str(error), "correct it, then run `fleet up` again") from error
    except (RuntimeFolderError, StorageError) as error:
        raise CommandError(str(error)) from error


async def _run(
    config: Config, around: app.Surroundings, started: Callable[[str], None], serves: bool
) -> None:
    manager = Readiness(os.environ)

    def ready(address: str) -> None:
        started(address)
        manager.tell("READY=1")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.live)
        await app.run(config, around, started=ready, serves=serves)
        nursery.cancel_scope.cancel()


def _overridden(config: Config, listen: str | None, data_dir: Path | None) -> Config:
    changes: dict[str, object] = {}
    if listen is not None:
        changes["listen"] = listen
    if data_dir is not None:
        changes["data_dir"] = data_dir.expanduser().absolute()
    return msgspec.structs.replace(config, fleet=msgspec.structs.replace(config.fleet, **changes))


def _taken(config: Config, error: ListenError) -> CommandError:
    """Say who has the address, where it is another fleet."""
    url = url_of(config.fleet)
    try:
        context = trust(url, None, config.fleet.tls_cert_file)
        other = Api(url, token_of(config), context).fleet()
    except (NotRunningError, CommandError):
        return CommandError(str(error), "choose another with --listen, or `listen` in [fleet]")
    return CommandError(
        f"another fleet is running at {url} since {minute(other.started)},"
        f" with {other.config.source or 'no file'}",
        "look at it with `fleet status`, stop it, or choose another --listen and --data-dir",
    )
