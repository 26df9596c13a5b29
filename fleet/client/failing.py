"""What httpx says went wrong, in words of ours."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from fleet.client.errors import CertificateError, Stage, UnreachableError

_CONNECTING = (httpx.ConnectError, httpx.ConnectTimeout)


class Way:
    """How far a question came.

    Attributes:
        stage: `answer` until one begins, then `body`.
    """

    def __init__(self) -> None:
        self.stage: Stage = "answer"


@contextmanager
def translated(url: str) -> Iterator[Way]:
    """What goes wrong within the block as an error of ours.

    Raises:
        UnreachableError: Nothing answered, or not to the end.
        CertificateError: Its certificate is not accepted.
    """
    way = Way()
    try:
        yield way
    except httpx.HTTPError as error:
        if (fault := _certificate_fault(error)) is not None:
            raise CertificateError(url, fault) from error
        stage: Stage = "connect" if isinstance(error, _CONNECTING) else way.stage
        raise UnreachableError(url, stage, _reason(error)) from error


def _reason(error: httpx.HTTPError) -> str:
    words = str(error)
    if not words and isinstance(error, httpx.TimeoutException):
        return "timed out"
    return words or type(error).__name__


def _certificate_fault(error: BaseException) -> str | None:
    """Why a certificate was refused, if that is what is behind an error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None
