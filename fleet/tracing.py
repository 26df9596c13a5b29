"""The seam between the program and traces of it, which does nothing unless they are configured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from litestar.types import ASGIApp

from config.models import Tracing as TracingSettings
from connectors.pool import Observe
from storage.watching import Watch, unwatched
from web.exposition.text import Family

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")


class TracingError(Exception):
    """Traces are configured, but cannot be made."""


def _nobody(_call: str, _seconds: float, _answered: bool) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Tracing:
    """What the parts of the program are handed; as it is, none of it does anything.

    Attributes:
        watch: Told of work with its beginning and end: a connection attempt, a batch, a query.
        called: Told of each request to an Engine once it ended.
        around: Puts an application that is traced around one that is not.
        trace_id: Of what the task at hand belongs to.
        families: What is counted of it.
    """

    watch: Watch = unwatched
    called: Observe = _nobody
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app
    trace_id: Callable[[], str | None] = lambda: None
    families: Callable[[], list[Family]] = list

    def calls(self, observe: Observe) -> Observe:
        """`observe`, and told of the same requests as well if anybody traces them."""
        called = self.called
        if called is _nobody:
            return observe

        def both(call: str, seconds: float, answered: bool) -> None:
            observe(call, seconds, answered)
            called(call, seconds, answered)

        return both


@contextmanager
def open_tracing(settings: TracingSettings, environ: Mapping[str, str]) -> Iterator[Tracing]:
    """Trace while the block runs, if it is configured here or by OpenTelemetry's own variables.

    Raises:
        TracingError: It is, but what makes traces is not installed.
    """
    endpoint = check_tracing(settings, environ)
    if endpoint is None:
        yield Tracing()
        return
    from fleet.tracing_spans import open_spans  # a third of a second that only tracing should cost

    with open_spans(endpoint, settings.sample_ratio, environ) as tracing:
        yield tracing


def check_tracing(settings: TracingSettings, environ: Mapping[str, str]) -> str | None:
    """Where traces go, if that can be; None where they go nowhere.

    Raises:
        TracingError: What makes traces is not installed.
    """
    endpoint = endpoint_of(settings, environ)
    if endpoint is not None and not all(_is_there(package) for package in _PACKAGES):
        raise TracingError(
            f"Traces shall go to {endpoint}, but what makes them is not installed: install"
            " fleet[otel], or take out [tracing] endpoint and OTEL_EXPORTER_OTLP_ENDPOINT."
        )
    return endpoint


def endpoint_of(settings: TracingSettings, environ: Mapping[str, str]) -> str | None:
    """The whole URL that spans are sent to; None where they are sent nowhere."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if settings.endpoint is not None:
        return _for_traces(settings.endpoint)
    exact, base = (environ.get(name, "").strip() for name in _ENDPOINTS)
    return exact or (_for_traces(base) if base else None)


def _for_traces(endpoint: str) -> str:
    endpoint = endpoint.rstrip("/")
    return endpoint if endpoint.endswith("/v1/traces") else f"{endpoint}/v1/traces"


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # one of its parents is missing
        return False
