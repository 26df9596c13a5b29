"""Examining a TCP host step by step."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import Iterator, Mapping

from cryptography import x509

from config.models import TcpHost
from connectors.doctor_step import PATIENCE, Step, get, ping_step, resolve, version_step
from connectors.errors import EngineError
from connectors.tcp import judge_answer, open_error, refuse_plain_by_accident, server_name
from connectors.tls import handshake_error, make_context


def examine_tcp(host: TcpHost, environ: Mapping[str, str]) -> Iterator[Step]:
    """Yield: name, port, certificate, TLS, client certificate, ping, API version."""
    name = resolve(host.address, host.port)
    yield name
    if not name.ok:
        return
    try:
        _open(host).close()
    except OSError as error:
        yield _failed("port", open_error(host, error))
        return
    yield Step("port", ok=True, detail=f"{host.port} accepts connections")
    context = None
    if host.tls is not None:
        try:
            context = make_context(host.name, host.tls, environ)
        except EngineError as error:
            yield _failed("TLS files", error)
            return
        good = True
        for step in _examine_tls(host, context, make_context(host.name, host.tls, environ)):
            yield step
            good = good and step.ok
        if not good:
            return
    yield from _examine_engine(host, context)


def _failed(name: str, error: EngineError) -> Step:
    return Step(name, ok=False, detail=error.what, hint=error.hint)


def _open(host: TcpHost) -> socket.socket:
    patience = min(PATIENCE, host.monitoring.connect_timeout)
    return socket.create_connection((host.address, host.port), patience)


def _secure(host: TcpHost, context: ssl.SSLContext) -> ssl.SSLSocket:
    sock = _open(host)
    try:
        return context.wrap_socket(sock, server_hostname=server_name(host))
    except BaseException:
        sock.close()
        raise


def _examine_tls(host: TcpHost, context: ssl.SSLContext, lax: ssl.SSLContext) -> Iterator[Step]:
    lax.check_hostname = False
    lax.verify_mode = ssl.CERT_NONE  # only to look at the certificate; nothing is sent
    try:
        with _secure(host, lax) as line:
            shown = line.getpeercert(binary_form=True)
        if shown is not None:
            yield _certificate_step(x509.load_der_x509_certificate(shown))
        with _secure(host, context) as line:
            yield Step("TLS", ok=True, detail=f"{line.version()}, the certificate is trusted")
    except ssl.SSLError as error:
        yield _failed("TLS", handshake_error(host.name, host.target, server_name(host), error))
    except OSError as error:
        yield Step("TLS", ok=False, detail=f"the handshake failed: {error}")


def _certificate_step(certificate: x509.Certificate) -> Step:
    """Show the certificate; whether it is trusted is the next step's word, but for its dates."""
    days = (certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)).days
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        values = [str(getattr(name, "value", name)) for name in extension.value]
    except x509.ExtensionNotFound:
        values = []
    detail = (
        f"{certificate.subject.rfc4514_string()}, for {', '.join(values) or 'no name'}, "
        f"signed by {certificate.issuer.rfc4514_string()}, "
        + (f"expires in {days} days" if days >= 0 else f"expired {-days} days ago")
    )
    return Step("certificate", ok=days >= 0, detail=detail, hint="" if days >= 0 else "renew it")


def _examine_engine(host: TcpHost, context: ssl.SSLContext | None) -> Iterator[Step]:
    try:
        refuse_plain_by_accident(host)
        answer = _ask(host, context, "/_ping")
        judge_answer(host, answer, tls=context is not None)
    except EngineError as error:
        yield _failed("client certificate" if context else "ping", error)
        return
    if context is not None:
        own = host.tls is not None and host.tls.cert_file is not None
        what = "the Engine accepts it" if own else "none, and the Engine asks for none"
        yield Step("client certificate", ok=True, detail=what)
    step = ping_step(answer)
    yield step
    if step.ok:
        try:
            yield version_step(_ask(host, context, "/version"))
        except EngineError as error:
            yield _failed("API version", error)


def _ask(host: TcpHost, context: ssl.SSLContext | None, path: str) -> bytes:
    try:
        with _open(host) if context is None else _secure(host, context) as line:
            return get(line, path)
    except ssl.SSLError as error:
        raise handshake_error(host.name, host.target, server_name(host), error) from error
    except OSError as error:
        raise open_error(host, error) from error
