"""Spans of what the program does, made with OpenTelemetry's SDK.

The parent of a span is what its task is at, kept in a context variable of our own: a task that is
started by a piece of work may outlive it, and what it does later is a trace of its own.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import get_contextvars

from fleet.tracing import Tracing
from fleet.tracing_export import Exporting
from fleet.version import VERSION
from web.exposition.http import route_of
from web.exposition.text import Family
from web.request_id import HEADER

SEND_SECONDS = 5.0  # for one batch, its repetitions included
_PROPAGATED = (b"traceparent", b"tracestate")
_CLIENTS = ("db.", "engine.")  # work that others do for us


class _Work:
    """A piece of work that is traced; what is done within it belongs to it until it is over."""

    __slots__ = ("over", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.over = False


_CURRENT: ContextVar[_Work | None] = ContextVar("fleet.tracing", default=None)
_ROOT = Context()  # without any span: a trace begins


class Spans:
    """Makes spans. All of it runs in the task that does the work, and waits for nothing."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("fleet", VERSION)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def watch(self, work: str, facts: Mapping[str, str | int] | None = None, /) -> Iterator[None]:
        """A span around a block; see `storage.watching.Watch`."""
        kind = SpanKind.CLIENT if work.startswith(_CLIENTS) else SpanKind.INTERNAL
        attributes = _attributes(facts)
        span = self._tracer.start_span(work, _parent(), kind, attributes)
        with _at(span):
            yield

    def called(self, call: str, seconds: float, answered: bool) -> None:
        """A span of a request to an Engine that has just ended; see `connectors.pool.Observe`."""
        end = time.time_ns()
        span = self._tracer.start_span(
            f"engine.{call}",
            _parent(),
            SpanKind.CLIENT,
            _attributes(None),
            (),
            end - _nanos(seconds),
        )
        if not answered:
            span.set_status(Status(StatusCode.ERROR, "no answer"))
        span.end(end)

    def trace_id(self) -> str | None:
        """Of what this task is at."""
        work = _CURRENT.get()
        if work is None or work.over:
            return None
        return f"{work.span.get_span_context().trace_id:032x}"

    def around(self, app: ASGIApp) -> ASGIApp:
        """An ASGI application that traces each request to `app`, as part of the client's trace."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            kind: str = scope["type"]
            if kind not in ("http", "websocket"):
                await app(scope, receive, send)
                return
            carrier = {
                k.decode(): v.decode("latin-1") for k, v in scope["headers"] if k in _PROPAGATED
            }
            method = cast("dict[str, Any]", scope).get("method", "WEBSOCKET")
            parent = self._propagator.extract(carrier, Context())
            span = self._tracer.start_span(
                method, parent, SpanKind.SERVER, {"http.request.method": method}
            )

            async def send_noting(message: Message) -> None:
                if message["type"] in ("http.response.start", "websocket.accept"):
                    _note_answer(span, cast("dict[str, Any]", message))
                await send(message)

            with _at(span):
                try:
                    await app(scope, receive, send_noting)
                finally:
                    if (route := route_of(scope)) is not None:
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", route)

        return traced


def _note_answer(span: Span, answer: dict[str, Any]) -> None:
    status = answer.get("status", 101)
    span.set_attribute("http.response.status_code", status)
    for name, value in answer.get("headers", ()):
        if name == HEADER:
            span.set_attribute("fleet.request_id", value.decode("latin-1"))
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def _parent() -> Context:
    work = _CURRENT.get()
    return _ROOT if work is None or work.over else set_span_in_context(work.span, _ROOT)


def _attributes(facts: Mapping[str, str | int] | None) -> dict[str, str | int]:
    host = get_contextvars().get("host")
    found: dict[str, str | int] = {} if host is None else {"fleet.host": host}
    return found if facts is None else {**found, **facts}


@contextmanager
def _at(span: Span) -> Iterator[None]:
    """What is done in the block is part of the span, which ends with it."""
    work = _Work(span)
    token = _CURRENT.set(work)
    try:
        yield
    except Exception as error:
        span.set_status(Status(StatusCode.ERROR, _name_of(error)))
        span.set_attribute("error.type", _name_of(error))
        raise
    except BaseException:  # it was cancelled, alone or with what failed beside it
        span.set_attribute("fleet.cancelled", True)
        raise
    finally:
        _CURRENT.reset(token)
        work.over = True
        span.end()


def _name_of(error: Exception) -> str:
    """The kind of an error, never its text, which may hold anything."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


def _nanos(seconds: float) -> int:
    return int(seconds * 1e9)


@contextmanager
def open_spans(endpoint: str, ratio: float, environ: Mapping[str, str]) -> Iterator[Tracing]:
    """Make spans and send them to `endpoint` while the block runs.

    Args:
        endpoint: The whole URL.
        ratio: The share of traces that are made, of those that no client began.
        environ: Names the service, where OpenTelemetry's own variables do so.
    """
    about = {"service.version": VERSION, "service.instance.id": socket.gethostname()}
    if not environ.get("OTEL_SERVICE_NAME"):
        about["service.name"] = "fleet"
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        resource=Resource.create(about),
        shutdown_on_exit=False,
    )
    exporting = Exporting(OTLPSpanExporter(endpoint, timeout=SEND_SECONDS), endpoint)
    provider.add_span_processor(exporting)
    spans = Spans(provider)
    try:
        yield Tracing(
            watch=spans.watch,
            called=spans.called,
            around=spans.around,
            trace_id=spans.trace_id,
            families=lambda: _families(exporting),
        )
    finally:
        provider.shutdown()


def _families(exporting: Exporting) -> list[Family]:
    counts = (
        ("sent", exporting.sent),
        ("dropped", exporting.dropped),
        ("refused", exporting.refused),
    )
    text = "Spans of traces: taken by the collector, without room in the queue, not taken."
    return [Family("fleet_trace_spans", "counter", text).add_each("end", counts)]
