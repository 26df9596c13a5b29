from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from structlog.contextvars import bound_contextvars

from config.models import Tracing as Settings
from fleet import tracing, tracing_export
from fleet.tracing import Tracing, TracingError, endpoint_of, open_tracing
from fleet.tracing_export import Exporting
from tests.lab.waiting import wait_until
from tests.tracing.collector import Collector

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


@pytest.mark.parametrize(
    ("settings", "environ", "endpoint"),
    [
        (Settings(), {}, None),
        (Settings(endpoint="http://c:4318"), {}, "http://c:4318/v1/traces"),
        (Settings(endpoint="http://c:4318/"), {}, "http://c:4318/v1/traces"),
        (Settings(endpoint="http://c/x/v1/traces"), {}, "http://c/x/v1/traces"),
        (Settings(), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://e:4318"}, "http://e:4318/v1/traces"),
        (Settings(), {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://e/t"}, "http://e/t"),
        (Settings(endpoint="http://c"), {"OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_where_traces_go(settings: Settings, environ: dict[str, str], endpoint: str | None) -> None:
    assert endpoint_of(settings, environ) == endpoint


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_PACKAGES", ("no_such_package.trace",))
    refused = pytest.raises(TracingError, match=r"install fleet\[otel\]")
    with refused, open_tracing(Settings(endpoint="http://c:1"), {}):
        pytest.fail("it began")
    with open_tracing(Settings(), {}) as off:
        assert off == Tracing()


async def test_off_it_does_nothing() -> None:
    off = Tracing()

    def observe(_call: str, _seconds: float, _answered: bool) -> None:
        """Of a request."""

    assert off.calls(observe) is observe
    with off.watch("db.read", {"a": 1}), off.watch("db.read"):
        assert off.trace_id() is None
    assert off.families() == []


async def test_what_is_done_within_belongs_to_it_until_it_is_over(collector: Collector) -> None:
    over = trio.Event()

    async def outlive(on: Tracing) -> None:
        with on.watch("db.read", {"db.query.summary": "early"}):
            await trio.lowlevel.checkpoint()
        await over.wait()
        on.called("stats", 0.25, True)

    with open_tracing(Settings(endpoint=collector.endpoint), {}) as on:
        async with trio.open_nursery() as nursery:
            with bound_contextvars(host="edge-1"), on.watch("host.connect"):
                on.called("list", 0.5, False)
                nursery.start_soon(outlive, on)
                await trio.testing.wait_all_tasks_blocked()
                during = on.trace_id()
            assert on.trace_id() is None
            over.set()
    (attempt,), (listed,) = collector.named("host.connect"), collector.named("engine.list")
    (early,), (later,) = collector.named("db.read"), collector.named("engine.stats")
    assert during == attempt.trace == listed.trace == early.trace
    assert (listed.parent, early.parent, attempt.parent) == (attempt.id, attempt.id, "")
    assert later.parent == ""
    assert later.trace != attempt.trace
    assert {span.facts["fleet.host"] for span in (listed, early, later)} == {"edge-1"}
    assert (listed.failed, later.failed, listed.seconds, later.seconds) == (True, False, 0.5, 0.25)
    assert attempt.resource["service.name"] == "fleet"


async def test_a_failure_is_told_by_its_kind_alone(collector: Collector) -> None:
    with open_tracing(Settings(endpoint=collector.endpoint), {}) as on:
        with pytest.raises(ExceptionGroup), on.watch("host.connect"):
            raise ExceptionGroup("several", [OSError("the secret is hunter2")])
        with trio.CancelScope() as scope, on.watch("db.read"):
            scope.cancel()
            await trio.sleep_forever()
    (failed,), (cancelled,) = collector.named("host.connect"), collector.named("db.read")
    assert (failed.failed, failed.facts["error.type"]) == (True, "OSError")
    assert "hunter2" not in str(collector.spans)
    assert (cancelled.failed, cancelled.facts["fleet.cancelled"]) == (False, True)


def test_only_a_share_is_made(collector: Collector) -> None:
    with open_tracing(Settings(endpoint=collector.endpoint, sample_ratio=0.0), {}) as on:
        with on.watch("host.connect"):
            on.called("list", 0.1, True)
        on.called("list", 0.1, True)
    assert collector.spans == []


def test_a_collector_that_does_not_answer_costs_spans_and_no_time(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracing_export, "MOST_SPANS", 10)
    monkeypatch.setattr(tracing_export, "BATCH", 5)
    monkeypatch.setattr(tracing_export, "PAUSE_SECONDS", 0.05)
    caplog.set_level(logging.INFO, "fleet.tracing")
    collector.answers.clear()
    exporting = Exporting(OTLPSpanExporter(f"{collector.endpoint}/v1/traces", timeout=60), "it")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(exporting)
    tracer = provider.get_tracer("test")
    with ThreadPoolExecutor(1) as pool:
        for _ in range(100):
            pool.submit(lambda: tracer.start_span("x").end()).result(30)
        wait_until(lambda: collector.requests, "a batch is on its way", 30)
        assert exporting.dropped >= 100 - 10 - 5
        collector.answers.set()
        wait_until(lambda: exporting.sent + exporting.dropped == 100, "the rest is taken", 30)
        collector.close()
        pool.submit(lambda: tracer.start_span("y").end()).result(30)
        provider.shutdown()  # ends what is tried again
        wait_until(lambda: exporting.refused == 1, "it is given up", 30)
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.name for record in warnings] == ["fleet.tracing"]
