"""TLS towards an Engine: the context from the configured files, and what its failures mean."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from config.models import TlsFiles
from config.reading import read_regular
from connectors.errors import AuthenticationError, EngineError, TlsError
from connectors.secrets import host_secret

_MOST_BYTES = 16 * 1024 * 1024  # of a file; a whole system's authorities are a quarter of one
# X509_V_ERR_* of OpenSSL's x509_vfy.h, as `SSLCertVerificationError.verify_code` gives them.
_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21, 24, 27})
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = frozenset({62, 64})
# What OpenSSL makes of an answer that is no TLS record; the name depends on its version.
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER")
# Alerts of RFC 8446 section 6.2 by which a server refuses the client's certificate or its absence.
_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR", "HANDSHAKE_FAILURE")


def make_context(
    name: str, files: TlsFiles, environ: Mapping[str, str] = os.environ
) -> ssl.SSLContext:
    """Make a verifying client context from the files. Blocks: run it in a thread.

    Raises:
        TlsError: a file is missing, unreadable, malformed, or does not fit another.
        AuthenticationError: the key is encrypted and its password is missing or wrong.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.ca_file is None:
        context.load_default_certs()
    else:
        _require(name, files.ca_file, "ca_file")
        try:
            context.load_verify_locations(cafile=files.ca_file)
        except (OSError, ValueError) as error:
            raise TlsError(name, f"{files.ca_file} holds no certificate in PEM form") from error
    if files.cert_file is not None:
        _load_own(name, context, files, files.cert_file, environ)
    return context


def _require(name: str, path: Path, key: str) -> None:
    try:
        read_regular(path, _MOST_BYTES)
    except OSError as error:
        what = f"`{key}` {path} cannot be read: {error.strerror}"
        raise TlsError(
            name, what, f"check the path and its permissions, or correct `{key}`"
        ) from error


def _load_own(
    name: str, context: ssl.SSLContext, files: TlsFiles, cert: Path, environ: Mapping[str, str]
) -> None:
    """Load the client's certificate and key, never asking on the terminal for a password."""
    _require(name, cert, "cert_file")
    key = files.key_file or cert
    if files.key_file is not None:
        _require(name, files.key_file, "key_file")
    password = host_secret(name, files.key_password_file, files.key_password_env, environ)
    asked: list[bool] = []

    def answer() -> str:
        asked.append(True)
        return password or ""

    try:
        context.load_cert_chain(cert, files.key_file, password=answer)
    except ssl.SSLError as error:
        raise _own_error(
            name, cert, key, error, encrypted=bool(asked), given=bool(password)
        ) from error
    except OSError as error:  # it was there a moment ago
        what = f"{cert} or {key} cannot be read: {error.strerror or error}"
        raise TlsError(name, what) from error
    except ValueError:
        # More than OpenSSL's 1024 bytes. Not chained: it may hold the password.
        raise AuthenticationError(name, f"the password for the key {key} is wrong") from None


def _own_error(
    name: str, cert: Path, key: Path, error: ssl.SSLError, *, encrypted: bool, given: bool
) -> EngineError:
    if encrypted:
        if given:
            return AuthenticationError(name, f"the password for the key {key} is wrong")
        hint = "set `key_password_file` or `key_password_env`"
        return AuthenticationError(name, f"the key {key} is encrypted and no password is set", hint)
    if error.reason == "KEY_VALUES_MISMATCH":
        return TlsError(name, f"the key {key} does not belong to the certificate {cert}")
    bad, kind = (key, "private key") if _holds_certificate(cert) else (cert, "certificate")
    return TlsError(name, f"{bad} holds no {kind} in PEM form")


def _holds_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):
        return False
    return True


def handshake_error(name: str, target: str, expected: str, error: ssl.SSLError) -> EngineError:
    """Say which of the many things that can go wrong in TLS happened.

    Args:
        name: The host's name in the configuration.
        target: Where it is, such as `tcp://10.0.0.9:2376`.
        expected: The name that the certificate must carry.
        error: What OpenSSL reported, in the handshake or at the first read after it (TLS 1.3
            servers refuse a client certificate only then).
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _verify_error(name, target, expected, error)
    reason = error.reason or ""
    if any(word in reason for word in _NOT_TLS):
        hint = "remove `tls` and set `insecure = true` if plain TCP is meant, or correct `port`"
        return TlsError(name, f"{target} does not speak TLS", hint)
    if "ALERT" in reason and any(word in reason for word in _REFUSALS):
        hint = "set `cert_file` and `key_file` to a pair signed by the CA that the Engine trusts"
        said = reason.partition("ALERT_")[2].replace("_", " ").lower()
        what = f"{target} refused our client certificate: {said}"
        return AuthenticationError(name, what, hint)
    return TlsError(name, f"the TLS handshake with {target} failed: {reason or error}")


def _verify_error(
    name: str, target: str, expected: str, error: ssl.SSLCertVerificationError
) -> TlsError:
    code = error.verify_code
    if code in _UNKNOWN_CA:
        what = f"the certificate of {target} is signed by an unknown CA"
        return TlsError(name, what, "set `ca_file` to the CA that signed the Engine's certificate")
    if code in _WRONG_NAME:
        what = f"the certificate of {target} is not for the name {expected}"
        return TlsError(name, what, "set `server_name` to a name in the certificate")
    if code == _EXPIRED:
        what = f"the certificate of {target} or of its CA has expired"
        return TlsError(name, what, "renew the Engine's certificate")
    if code == _NOT_YET_VALID:
        what = f"the certificate of {target} is not valid yet"
        return TlsError(name, what, "check the clocks of both machines")
    return TlsError(name, f"the certificate of {target} is not accepted: {error.verify_message}")
