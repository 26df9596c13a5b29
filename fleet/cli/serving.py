"""Starts `fleet serve`: settings from the command line, and errors of the start."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path

import msgspec

from config.models import Config
from config.secrets import SecretError
from fleet.access.opening import UNIX
from fleet.cli.errors import CommandError
from fleet.cli.output import note
from fleet.cli.settings import base_url, load_config
from fleet.serving.main import serve_alone
from fleet.tracing import TracingError
from web.listening import ListenError
from web.tls import CertificateError

_logger = logging.getLogger(__name__)


def serve(path: Path | None, listen: str | None, workers: int, data_dir: Path | None) -> None:
    """Serve the API until a signal ends it.

    Raises:
        CommandError: It cannot start.
    """

    def read() -> Config:
        config = load_config(path, check_files=False)  # keys of hosts may be elsewhere
        changes: dict[str, object] = {}
        if data_dir is not None:
            changes["data_dir"] = data_dir.expanduser().absolute()
        if listen is not None and not listen.startswith(UNIX):
            changes["listen"] = listen  # off loopback nobody may ask without a token
        fleet = msgspec.structs.replace(config.fleet, **changes)
        return msgspec.structs.replace(config, fleet=fleet)

    def read_anew() -> Config:
        try:
            return read()
        except CommandError as error:
            raise ValueError(error.message) from error

    config = read()
    several = f"{workers} worker" + ("" if workers == 1 else "s")

    def started(address: str) -> None:
        is_tls = config.fleet.tls_cert_file is not None
        where = address if address.startswith(UNIX) else base_url(address, tls=is_tls)
        # Where programs read the log each line is one of it.
        is_text = sys.stderr.isatty() and config.fleet.log_format != "json"
        tell = note if is_text else partial(_logger.info, "%s")
        tell(f"fleet serves at {where}, {several}; who watches the hosts is another")
        for warning in config.warnings:
            _logger.warning("%s", warning)

    try:
        serve_alone(config, listen or config.fleet.listen, workers, read_anew, started)
    except ListenError as error:
        raise CommandError(
            str(error), "choose another with --listen, or `listen` in [fleet]"
        ) from error
    except (SecretError, CertificateError, TracingError) as error:
        raise CommandError(str(error)) from error
