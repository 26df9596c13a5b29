"""Starts the fleet itself: settings from the command line, the log, and errors of the start."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from config.models import Config
from fleet import app
from fleet.cli.api import Api, NotRunningError
from fleet.cli.errors import CommandError
from fleet.cli.format import minute
from fleet.cli.output import note, safe
from fleet.cli.running import run
from fleet.cli.settings import base_url, token_of
from fleet.runtime import RuntimeFolderError
from storage.errors import StorageError
from web.listening import ListenError


def run_fleet(config: Config, listen: str | None, data_dir: Path | None) -> None:
    """Run the fleet until a signal ends it.

    Raises:
        CommandError: It cannot start: the address or the data folder is taken or unusable.
    """
    config = _overridden(config, listen, data_dir)
    _log_to_stderr(config.fleet.log_level)
    source = f"of {config.source}" if config.source else "found on this machine (no hosts.toml)"
    many = f"{len(config.hosts)} host" + ("" if len(config.hosts) == 1 else "s")

    def started(address: str) -> None:
        url = base_url(address)
        note(f"fleet is up at {url}, watching {many} {source}")
        elsewhere = listen is not None
        note(f"  look: fleet status{f' --url {url}' if elsewhere else ''}   stop: Ctrl-C")

    for warning in config.warnings:
        note(f"warning: {warning}")
    try:
        run(_run, config, started, expected=(ListenError, RuntimeFolderError, StorageError))
    except ListenError as error:
        raise _taken(config, error) from error
    except (RuntimeFolderError, StorageError) as error:
        raise CommandError(str(error)) from error


async def _run(config: Config, started: Callable[[str], None]) -> None:
    await app.run(config, started=started)


def _overridden(config: Config, listen: str | None, data_dir: Path | None) -> Config:
    changes: dict[str, object] = {}
    if listen is not None:
        changes["listen"] = listen
    if data_dir is not None:
        changes["data_dir"] = data_dir.expanduser().absolute()
    return msgspec.structs.replace(config, fleet=msgspec.structs.replace(config.fleet, **changes))


def _taken(config: Config, error: ListenError) -> CommandError:
    """Say who has the address, where it is another fleet."""
    url = base_url(config.fleet.listen)
    try:
        other = Api(url, token_of(config)).fleet()
    except (NotRunningError, CommandError):
        return CommandError(str(error), "choose another with --listen, or `listen` in [fleet]")
    return CommandError(
        f"another fleet is running at {url} since {minute(other.started)},"
        f" with {other.config.source or 'no file'}",
        "look at it with `fleet status`, stop it, or choose another --listen and --data-dir",
    )


class _Lines(logging.Formatter):
    """Time, level, message: one line each, without control characters of others' texts."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record; a traceback (a defect of ours) keeps its lines."""
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="seconds")
        text = f"{time} {record.levelname.lower():<7} {safe(record.getMessage())}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("asyncssh", "paramiko", "hypercorn", "litestar"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
