"""The certificate that this server shows: loaded from files, and again when these change."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trio
from cryptography import x509

from config.reading import read_regular
from config.secrets import SecretError, read_secret
from config.watch import Watch
from web.documents import CertificateDocument

POLL = 2.0  # seconds between two looks at the files
_MOST_BYTES = 1024 * 1024
# Of TLS 1.2, which of its ciphers: forward secrecy and authenticated encryption. 1.3 has no others.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

logger = logging.getLogger("fleet.web")


class CertificateError(Exception):
    """The certificate cannot be served. The message says which file, why, and the next step."""


@dataclass(frozen=True)
class CertificateFiles:
    """Where it is, in PEM form.

    Attributes:
        cert: The certificate, then those between it and its authority.
        key: Its private key; None: in the same file.
        password_file: With the password of the key, if it has one.
        password_env: Environment variable with that.
    """

    cert: Path
    key: Path | None = None
    password_file: Path | None = None
    password_env: str | None = None


@dataclass(frozen=True)
class Loaded:
    """A certificate in use."""

    context: ssl.SSLContext
    expires: datetime


class ServerTls:
    """What new connections are served with; those that are open keep what they began with.

    Attributes:
        error: Why the files as they are now are not what is served, None if they are.
    """

    def __init__(self, files: CertificateFiles, environ: Mapping[str, str] = os.environ) -> None:
        self._files = files
        self._environ = environ
        others = (files.key, files.password_file)
        self._watch = Watch(files.cert, poll=POLL)
        self._watch.follow(path for path in others if path is not None)
        self._now = load(files, environ)
        self._since = datetime.now(UTC)
        self.error: str | None = None

    @classmethod
    async def open(
        cls, files: CertificateFiles, environ: Mapping[str, str] = os.environ
    ) -> ServerTls:
        """Load it for the first time.

        Raises:
            CertificateError: It cannot be served.
        """
        return await trio.to_thread.run_sync(cls, files, environ)

    @property
    def context(self) -> ssl.SSLContext:
        """For the next connection."""
        return self._now.context

    def document(self) -> CertificateDocument:
        """How the API and `fleet status` show it."""
        return CertificateDocument(
            file=str(self._files.cert),
            loaded=self._since,
            expires=self._now.expires,
            error=self.error,
        )

    def trigger(self) -> None:
        """Load it again now: what SIGHUP asks for."""
        self._watch.trigger()

    async def run(self) -> None:
        """Take over every change of the files. Runs until cancelled."""
        async for _ in self._watch:
            await self._reload()

    async def _reload(self) -> None:
        try:
            self._now = await trio.to_thread.run_sync(load, self._files, self._environ)
        except CertificateError as error:
            if str(error) != self.error:
                logger.error("the certificate was refused, the old one is served: %s", error)  # noqa: TRY400 - a state
            self.error = str(error)
            return
        self.error, self._since = None, datetime.now(UTC)
        logger.info("certificate read, it expires %s", self._now.expires.isoformat())


def load(files: CertificateFiles, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Load a certificate and its key. Blocks: run it in a thread.

    Raises:
        CertificateError: A file is missing, unreadable, malformed, or does not fit the other.
    """
    leaf = _first_certificate(files.cert)
    if files.key is not None:
        _read(files.key, "tls_key_file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    _load_chain(context, files, environ)
    return Loaded(context, leaf.not_valid_after_utc)


def _read(path: Path, key: str) -> bytes:
    try:
        return read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise CertificateError(
            f"`{key}` {path} cannot be read: {error.strerror}. Check the path and its permissions."
        ) from error


def _first_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_read(path, "tls_cert_file"))[0]
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateError(f"{path} holds no certificate in PEM form.") from error


def _load_chain(
    context: ssl.SSLContext, files: CertificateFiles, environ: Mapping[str, str]
) -> None:
    key = files.key or files.cert
    try:
        password = read_secret(files.password_file, files.password_env, environ)
    except SecretError as error:
        raise CertificateError(f"The password of the key {key}: {error}.") from error
    asked: list[bool] = []

    def answer() -> str:  # never asks on the terminal
        asked.append(True)
        return password or ""

    try:
        context.load_cert_chain(files.cert, files.key, password=answer)
    except ssl.SSLError as error:
        raise CertificateError(_why(files.cert, key, error, bool(asked), bool(password))) from error
    except OSError as error:  # it was there a moment ago
        raise CertificateError(f"{files.cert} or {key} cannot be read: {error}.") from error
    except ValueError:
        # More than OpenSSL's 1024 bytes. Not chained: it may hold the password.
        raise CertificateError(f"The password of the key {key} is wrong.") from None


def _why(cert: Path, key: Path, error: ssl.SSLError, asked: bool, given: bool) -> str:
    if asked and given:
        return f"The password of the key {key} is wrong."
    if asked:
        return (
            f"The key {key} is encrypted, and no password is set: add tls_key_password_file or "
            "tls_key_password_env."
        )
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"The key {key} does not belong to the first certificate in {cert}."
    return f"{key} holds no private key in PEM form that fits {cert} ({error.reason or error})."
