"""By which certificate a command knows the fleet that it asks."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from fleet.cli.errors import CommandError

_FIRST = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def trusting(ca: Path) -> ssl.SSLContext:
    """For a fleet whose certificate these authorities signed; its name is checked too.

    Raises:
        CommandError: The file holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{ca} holds no certificate in PEM form: {error}", "correct --ca or FLEET_CA"
        ) from error


def knowing(certificate: Path) -> ssl.SSLContext:
    """For the fleet of this machine: it must show the very certificate of the configuration.

    Whoever signed it, and whatever names it has: it is asked for by its address here.

    Raises:
        CommandError: The file holds no certificate, or may not be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        # The first alone: with those that signed it, all that they ever signed would do.
        found = _FIRST.search(certificate.read_text())
        if found is None:
            raise CommandError(f"{certificate} holds no certificate in PEM form")
        context.load_verify_locations(cadata=found[0])
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{certificate} cannot be used: {error}",
            "name who signed it with --ca or FLEET_CA, or the fleet with --url https://NAME:PORT",
        ) from error
    return context


def trust(url: str, ca: Path | None, own: Path | None) -> ssl.SSLContext | None:
    """What to ask a fleet with; None: without TLS, or as the system's authorities decide.

    Args:
        url: Where it is.
        ca: Whom to trust, if anybody was named.
        own: The certificate of the configuration, where that is where the URL comes from.

    Raises:
        CommandError: A file cannot be used.
    """
    if not url.startswith("https:"):
        return None
    if ca is not None:
        return trusting(ca)
    return None if own is None else knowing(own)
